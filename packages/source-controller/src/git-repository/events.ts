import { eventKeys, sourceGroup, type GitRepository } from '@weir/shared/api'
import type { EventMoment, KindEvent } from '@weir/shared/runtime'

const subjectRunes = 50

/**
 * What a finished run tells people (contract 2.3): a new artifact, a recovery, a failure. A run that found nothing new tells nothing.
 * `subject` is the first line of the stored commit's message; undefined: nothing was stored.
 */
export function eventsOf(moment: EventMoment<GitRepository>, subject: string | undefined): readonly KindEvent[] {
  const { outcome } = moment
  switch (outcome.kind) {
    case 'waiting':
      return []
    case 'failing':
    case 'stalled':
      return [{ when: 'before', type: 'Warning', reason: outcome.reason, message: outcome.message }]
    case 'ready':
      return successEvents(moment, subject)
  }
}

function successEvents({ before, notes, recovered }: EventMoment<GitRepository>, subject: string | undefined): readonly KindEvent[] {
  const artifact = notes.artifact ?? before.status?.artifact
  if (artifact === undefined) return []
  const isNew = subject !== undefined && artifact.digest !== before.status?.artifact?.digest
  if (!isNew && !recovered) return []
  const message = `stored artifact for commit '${subject === undefined ? artifact.revision : shorten(subject)}'`
  const metadata = { [`${sourceGroup}/${eventKeys.revision}`]: artifact.revision, [`${sourceGroup}/${eventKeys.digest}`]: artifact.digest }
  return [{ when: 'after', type: 'Normal', reason: isNew ? 'NewArtifact' : 'Succeeded', message, metadata }]
}

function shorten(subject: string): string {
  // Of a subject of megabytes only this much is looked at: no rune has more than two units.
  const begin = subject.slice(0, 2 * (subjectRunes + 1))
  const runes = [...begin]
  return runes.length <= subjectRunes ? subject : `${runes.slice(0, subjectRunes).join('')}...`
}
