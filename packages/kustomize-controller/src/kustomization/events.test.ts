import { describe, expect, it } from '@jest/globals'
import type { Change } from '@weir/shared/apply'
import { failing, ready, stalled, waiting, type Outcome } from '@weir/shared/runtime'
import { toKustomization } from '../testing-world.ts'
import { eventsOf } from './events.ts'

const change = (name: string, action: Change['action']): Change => ({ ref: { group: '', version: 'v1', kind: 'ConfigMap', namespace: 'n', name }, action })
const success = ready('ReconciliationSucceeded', 'Applied revision: r2')
interface Given {
  readonly changes?: readonly Change[]
  readonly recovered?: boolean
  readonly before?: string
  readonly tellsUnchangedSuccess?: boolean
}
const told = (outcome: Outcome, { changes = [], recovered = false, before = 'r1', tellsUnchangedSuccess = true }: Given = {}) => {
  const notes = { lastAttemptedRevision: 'r2', ...(outcome.kind === 'ready' ? { lastAppliedRevision: 'r2' } : {}) }
  const moment = { before: toKustomization({}, { status: { lastAppliedRevision: before } }), outcome, recovered, durationMs: 1234.5, nextMs: 600_400, notes }
  return eventsOf(moment, { changes, tellsUnchangedSuccess }).map(({ when, type, reason, message, only, metadata }) => [when, type, reason, message, only, Object.keys(metadata ?? {}).map((key) => key.split('/')[1]).join()])
}
const finished = 'Reconciliation finished in 1.235s, next run in 10m0s'

describe('eventsOf', () => {
  it('lists what changed and then says that it is done', () => {
    expect(told(success, { changes: [change('a', 'created'), change('b', 'unchanged'), change('c', 'deleted')] })).toEqual([
      ['after', 'Normal', 'Progressing', 'ConfigMap/n/a created\nConfigMap/n/c deleted', 'notification', 'revision'],
      ['after', 'Normal', 'ReconciliationSucceeded', `ConfigMap/n/a created\nConfigMap/n/c deleted\n${finished}`, 'core', 'revision'],
      ['after', 'Normal', 'ReconciliationSucceeded', finished, 'notification', 'revision,commit_status'],
    ])
  })

  it.each([
    ['a new revision without changes is posted for commit status', { before: 'r1' }, ['notification']],
    ['… but not with the gate', { before: 'r1', tellsUnchangedSuccess: false }, []],
    ['the same revision again says nothing', { before: 'r2' }, []],
    ['a recovery is told to all', { before: 'r2', recovered: true }, ['core', 'notification']],
  ])('%s', (_, given, only) => {
    expect(told(success, given).map((event) => event[4])).toEqual(only)
  })

  it('warns of a failure, after what was applied before it', () => {
    const unhealthy = failing({ reason: 'HealthCheckFailed', message: 'no' })
    expect(told(unhealthy, { changes: [change('a', 'configured')] })).toEqual([
      ['before', 'Normal', 'Progressing', 'ConfigMap/n/a configured', undefined, 'revision'],
      ['before', 'Warning', 'HealthCheckFailed', 'no', undefined, 'revision'],
    ])
    expect(told(stalled({ reason: 'NotSupported', message: 'no' })).map((event) => event[1])).toEqual(['Warning'])
  })

  it.each([
    ['a refused apply names its changes itself', 'ReconciliationFailed', [change('a', 'created')], ['Warning']],
    ['a failed prune lists no deletions', 'PruneFailed', [change('a', 'deleted')], ['Warning']],
    ['… but what was applied before', 'PruneFailed', [change('a', 'created')], ['Normal', 'Warning']],
  ])('%s', (_, reason, changes, types) => {
    expect(told(failing({ reason, message: 'no' }), { changes }).map((event) => event[1])).toEqual(types)
  })

  it('says nothing while it waits', () => {
    expect(told(waiting({ reason: 'DependencyNotReady', message: 'x' }, 1))).toEqual([])
  })
})
