import { describe, expect, it } from '@jest/globals'
import { KubeError } from '@weir/shared/kube'
import { failing, failingTransiently, ready, stalled, waiting, type Outcome } from './outcome.ts'
import { backoffMs, jitter, readThrown, requeueMs } from './retry.ts'
import { RunAborted } from './step.ts'
import { appTable, sourceTable, toy } from './toys/toy-table.ts'

const why = { reason: 'A', message: 'b' }
const retry = { minMs: 750, maxMs: 900_000 }

describe('requeueMs', () => {
  it.each<readonly [string, typeof appTable, Outcome, number, number | undefined]>([
    ['ready: the interval', appTable, ready('A', 'b'), 0, 600_000],
    ['waiting: its fallback', appTable, waiting(why, 30_000), 0, 30_000],
    ['stalled: nothing', appTable, stalled(why), 0, undefined],
    ['app, failing: the retry interval', appTable, failing(why), 5, 120_000],
    ['app, transient: backoff', appTable, failingTransiently(why), 1, 750],
    ['app, transient: at most the retry interval', appTable, failingTransiently(why), 20, 120_000],
    ['source, failing: backoff', sourceTable, failing(why), 3, 3_000],
    ['source, failing for long: at most 15 min', sourceTable, failing(why), 50, 900_000],
    ['Retry-After: not earlier', sourceTable, failingTransiently(why, 20_000), 1, 20_000],
    ['Retry-After shorter than the backoff: the backoff', sourceTable, failingTransiently(why, 1_000), 4, 6_000],
  ])('%s', (...[, table, outcome, failures, expected]) => {
    expect(requeueMs(table, toy(), { outcome, failures, retry, jitterPercent: 5, random: 0.5 })).toBe(expected)
  })
})

describe('backoffMs', () => {
  it('doubles from 750 ms to 15 min', () => {
    expect([1, 2, 3, 4, 11, 12, 1e9].map((failures) => backoffMs(failures, retry))).toEqual([750, 1_500, 3_000, 6_000, 768_000, 900_000, 900_000])
  })
})

describe('jitter', () => {
  it.each([
    [0, 95_000],
    [0.5, 100_000],
    [1, 105_000],
  ])('at %d', (random, expected) => expect(jitter(100_000, 5, random)).toBe(expected))
  it('can be switched off', () => expect(jitter(100_000, 0, 0.9)).toBe(100_000))
})

describe('readThrown', () => {
  const alive = new AbortController().signal
  const kubeError = (code: ConstructorParameters<typeof KubeError>[0]): KubeError => new KubeError(code, 'get x')

  it.each(['unreachable', 'timeout', 'throttled', 'server', 'unauthorized'] as const)('%s is trouble of the API server, not of the object', (code) => {
    expect(readThrown(kubeError(code), alive)).toMatchObject({ kind: 'trouble', overloaded: code === 'throttled' || code === 'timeout' })
  })
  it.each(['forbidden', 'invalid', 'conflict', 'not-found'] as const)('%s is an answer', (code) => {
    expect(readThrown(kubeError(code), alive)).toMatchObject({ kind: 'refused' })
  })
  it('a write behind the fence is trouble while the run is not aborted: a lost lease aborts it, and its key must not be forgotten before that', () => {
    expect(readThrown(kubeError('fenced'), alive)).toMatchObject({ kind: 'trouble', overloaded: false })
    const abort = new AbortController()
    abort.abort(new RunAborted('lost-lease'))
    expect(readThrown(kubeError('fenced'), abort.signal)).toEqual({ kind: 'aborted', why: 'lost-lease' })
  })
  it('anything else is a bug', () => {
    expect(readThrown(new TypeError('x'), alive)).toMatchObject({ kind: 'bug' })
  })
  it('an aborted run is aborted, whatever flew', () => {
    const abort = new AbortController()
    abort.abort(new RunAborted('superseded'))
    expect(readThrown(kubeError('aborted'), abort.signal)).toEqual({ kind: 'aborted', why: 'superseded' })
  })
})
