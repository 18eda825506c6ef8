import { describe, expect, it } from '@jest/globals'
import type { Artifact, GitRepository } from '@weir/shared/api'
import { ready } from '@weir/shared/runtime'
import { eventsOf } from './events.ts'

const artifact: Artifact = { path: 'p', url: 'u', revision: 'main@sha1:1', digest: 'sha256:1', lastUpdateTime: '' }
const before = { metadata: { name: 'fleet' }, spec: {} } as GitRepository

/** What people are told of a stored commit with this subject. */
function told(subject: string): string {
  const [event] = eventsOf({ before, outcome: ready('Succeeded', 'stored', ['ArtifactInStorage']), recovered: false, durationMs: 1, nextMs: undefined, notes: { artifact } }, subject)
  return /^stored artifact for commit '(.*)'$/s.exec(event?.message ?? '')?.[1] ?? ''
}

describe('the event of a new artifact', () => {
  it.each([
    ['as it is', 'x'.repeat(50), 'x'.repeat(50)],
    ['cut after 50 signs', 'x'.repeat(51), `${'x'.repeat(50)}...`],
    ['cut between signs of two units', '😀'.repeat(51), `${'😀'.repeat(50)}...`],
    ['cut between signs of one and of two units', `x${'😀'.repeat(60)}`, `x${'😀'.repeat(49)}...`],
    ['as it is, with signs of two units', '😀'.repeat(50), '😀'.repeat(50)],
    ['cut, of 40 MB', 'x'.repeat(40 << 20), `${'x'.repeat(50)}...`],
  ])('tells the subject %s', (_what, subject, expected) => {
    expect(told(subject)).toBe(expected)
  })
})
