import { commitStatusUpdate, eventKeys, formatDurationMs, kustomizeGroup, type Kustomization } from '@weir/shared/api'
import { changedLines, type Change } from '@weir/shared/apply'
import type { EventMoment, KindEvent } from '@weir/shared/runtime'

export interface EventRules {
  /** What the run changed in the cluster. */
  readonly changes: readonly Change[]
  /** Gate DisableCommitStatusEvent off: a success is posted though nothing changed, if the revision is new. */
  readonly tellsUnchangedSuccess: boolean
}

/**
 * What a finished run tells people (contract 1.7, 4.3; docs/differences.md). One Kubernetes Event for a run that changed something
 * or recovered; posted are the change list and, for a new revision, the news that commit-status providers wait for. A steady
 * interval tells nothing.
 */
export function eventsOf(moment: EventMoment<Kustomization>, rules: EventRules): readonly KindEvent[] {
  const { outcome } = moment
  switch (outcome.kind) {
    case 'waiting':
      return []
    case 'failing':
    case 'stalled':
      return [...changeList(moment, rules), warningOf(moment)]
    case 'ready':
      return successEvents(moment, rules)
  }
}

/** What was applied before the run failed. A refused apply says so in its own message, and a failed prune sends no list. */
function changeList(moment: EventMoment<Kustomization>, { changes }: EventRules): readonly KindEvent[] {
  const applied = changes.filter(({ action }) => action !== 'deleted' || moment.outcome.reason !== 'PruneFailed')
  const lines = moment.outcome.reason === 'ReconciliationFailed' ? [] : changedLines(applied)
  if (lines.length === 0) return []
  return [{ when: 'before', type: 'Normal', reason: 'Progressing', message: lines.join('\n'), metadata: metadataOf(moment, moment.notes.lastAttemptedRevision) }]
}

function warningOf(moment: EventMoment<Kustomization>): KindEvent {
  const { reason, message } = moment.outcome
  return { when: 'before', type: 'Warning', reason, message, metadata: metadataOf(moment, moment.notes.lastAttemptedRevision) }
}

function successEvents(moment: EventMoment<Kustomization>, { changes, tellsUnchangedSuccess }: EventRules): readonly KindEvent[] {
  const { outcome, recovered, before } = moment
  const revision = moment.notes.lastAppliedRevision
  const lines = changedLines(changes)
  const metadata = metadataOf(moment, revision)
  const finished = `Reconciliation finished in ${formatDurationMs(Math.round(moment.durationMs))}${moment.nextMs === undefined ? '' : `, next run in ${formatDurationMs(Math.round(moment.nextMs / 1000) * 1000)}`}`
  const isNew = revision !== undefined && revision !== before.status?.lastAppliedRevision
  const events: KindEvent[] = []
  if (lines.length > 0) events.push({ when: 'after', type: 'Normal', reason: 'Progressing', message: lines.join('\n'), metadata, only: 'notification' })
  if (lines.length > 0 || recovered) {
    events.push({ when: 'after', type: 'Normal', reason: outcome.reason, message: [...lines, finished].join('\n'), metadata, only: 'core' })
  }
  if (lines.length > 0 || recovered || (isNew && tellsUnchangedSuccess)) {
    events.push({ when: 'after', type: 'Normal', reason: outcome.reason, message: finished, metadata: { ...metadata, [key(eventKeys.commitStatus)]: commitStatusUpdate }, only: 'notification' })
  }
  return events
}

function metadataOf({ notes, before }: EventMoment<Kustomization>, revision: string | undefined): Readonly<Record<string, string>> {
  const known = revision ?? before.status?.lastAttemptedRevision
  const origin = notes.lastAppliedOriginRevision
  return { ...(known ? { [key(eventKeys.revision)]: known } : {}), ...(origin ? { [key(eventKeys.originRevision)]: origin } : {}) }
}

const key = (name: string): string => `${kustomizeGroup}/${name}`
