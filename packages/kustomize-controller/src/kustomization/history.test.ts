import { describe, expect, it } from '@jest/globals'
import type { HistoryEntry } from '@weir/shared/api'
import { record, type Chapter } from './history.ts'

const chapter = (over: Partial<Chapter> = {}): Chapter => ({
  digest: 'sha256:a',
  status: 'ReconciliationSucceeded',
  duration: '1.2s',
  revision: 'main@sha1:1',
  originRevision: undefined,
  now: '2026-01-01T00:00:00Z',
  ...over,
})

describe('history', () => {
  it('begins with the first run', () => {
    expect(record(undefined, chapter())).toEqual([
      {
        digest: 'sha256:a',
        firstReconciled: '2026-01-01T00:00:00Z',
        lastReconciled: '2026-01-01T00:00:00Z',
        lastReconciledDuration: '1.2s',
        lastReconciledStatus: 'ReconciliationSucceeded',
        totalReconciliations: 1,
        metadata: { revision: 'main@sha1:1' },
      },
    ])
  })

  it('bumps the entry of the same digest and status and keeps when it began', () => {
    const first = record(undefined, chapter())
    const [bumped, ...rest] = record(first, chapter({ now: '2026-01-02T00:00:00Z', revision: 'main@sha1:2' }))
    expect(rest).toEqual([])
    expect(bumped).toMatchObject({ firstReconciled: '2026-01-01T00:00:00Z', lastReconciled: '2026-01-02T00:00:00Z', totalReconciliations: 2 })
    expect(bumped?.metadata).toEqual({ revision: 'main@sha1:2' })
  })

  it('tells a failure of a digest from its success', () => {
    const both = record(record(undefined, chapter()), chapter({ status: 'HealthCheckFailed' }))
    expect(both.map((entry) => entry.lastReconciledStatus)).toEqual(['HealthCheckFailed', 'ReconciliationSucceeded'])
  })

  it('moves a digest that comes back to the front', () => {
    let history: readonly HistoryEntry[] = []
    for (const digest of ['a', 'b', 'a']) history = record(history, chapter({ digest }))
    expect(history.map((entry) => entry.digest)).toEqual(['a', 'b'])
  })

  it('keeps five', () => {
    let history: readonly HistoryEntry[] = []
    for (const digest of ['1', '2', '3', '4', '5', '6']) history = record(history, chapter({ digest }))
    expect(history.map((entry) => entry.digest)).toEqual(['6', '5', '4', '3', '2'])
  })

  it('holds the origin revision where the artifact has one', () => {
    expect(record(undefined, chapter({ originRevision: 'v1@sha1:9' }))[0]?.metadata).toEqual({ revision: 'main@sha1:1', originRevision: 'v1@sha1:9' })
  })
})
