import { describe, expect, it } from '@jest/globals'
import { KubeError, type KubeErrorCode, type KubeErrorDetail } from '../kube-error.ts'
import { decideNext, noFailures, type Ending, type Failures } from './next.ts'

const before = { listing: false, failures: noFailures, minPauseMs: 1_000, random: 1 }
const after = (failures: Partial<Failures>): typeof before => ({ ...before, failures: { ...noFailures, ...failures } })
const broken = (code: KubeErrorCode, detail: KubeErrorDetail = {}, progress = false): Extract<Ending, { kind: 'broken' }> => ({ kind: 'broken', error: new KubeError(code, 'x', detail), progress })
const cut: Ending = { ...broken('unreachable'), openMs: 150 }
const ended: Ending = { kind: 'ended', progress: false, openMs: 150 }

/** Pauses of one watch that comes to these ends, one after the other. */
function pausesOf(endings: readonly Ending[]): readonly number[] {
  let failures = noFailures
  return endings.map((ending) => {
    const next = decideNext(ending, { ...before, failures })
    failures = next.failures
    return next.pauseMs
  })
}

describe('what a watch does next', () => {
  it('follows after a list', () => {
    expect(decideNext({ kind: 'listed' }, { ...before, listing: true })).toEqual({ relist: false, pauseMs: 0, failures: noFailures, tell: false })
  })

  it('goes on at once after a long watch, with a pause after one that showed nothing', () => {
    expect(decideNext({ kind: 'ended', progress: true, openMs: 150 }, after({ cuts: 3, refusals: 2 }))).toMatchObject({ relist: false, pauseMs: 0, failures: noFailures })
    expect(decideNext(ended, before)).toMatchObject({ relist: false, pauseMs: 1_000, failures: { cuts: 1 } })
  })

  it('a watch that was opened is opened again within two seconds, however often it is cut: nobody is blind for long', () => {
    expect([0, 1, 2, 50].map((cuts) => decideNext(cut, after({ cuts })).pauseMs)).toEqual([1_000, 2_000, 2_000, 2_000])
    expect(decideNext(ended, after({ cuts: 50 })).pauseMs).toBe(2_000)
  })

  it('a quiet watch that was open for long worked: its cuts do not add up', () => {
    expect(decideNext({ ...cut, openMs: 30_000 }, after({ cuts: 7, refusals: 7 }))).toMatchObject({ pauseMs: 1_000, failures: { cuts: 1, refusals: 0 } })
    expect(decideNext({ ...ended, openMs: 30_000 }, after({ cuts: 7 }))).toMatchObject({ pauseMs: 0, failures: noFailures })
  })

  it('lists again ever more seldom when an opened watch is told 410 again and again', () => {
    expect(decideNext({ ...broken('gone', { status: 410 }), openMs: 150 }, after({ refusals: 7 }))).toMatchObject({ relist: true, pauseMs: 30_000 })
  })

  it.each<readonly [KubeErrorCode, KubeErrorDetail, boolean, boolean]>([
    ['gone', { status: 410 }, true, false],
    ['unreachable', {}, false, false],
    ['throttled', { status: 429 }, false, false],
    ['timeout', {}, false, false],
    ['server', { status: 500 }, false, false],
    ['forbidden', { status: 403 }, true, true],
    ['not-served', { status: 404 }, true, true],
    ['method-not-allowed', { status: 405 }, true, true],
    ['unauthorized', { status: 401 }, true, true],
    ['config', {}, true, true],
  ])('%s %j', (...[code, detail, relist, tell]) => {
    expect(decideNext(broken(code, detail), before)).toMatchObject({ relist, tell })
  })

  it('lists again when one resourceVersion is refused three times: a restored etcd may never reach it', () => {
    const refused = broken('timeout', { status: 504 })
    expect([0, 1, 2].map((refusals) => decideNext(refused, after({ refusals })).relist)).toEqual([false, false, true])
    expect(decideNext(refused, after({ cuts: 5, unanswered: 5 })).relist).toBe(false)
  })

  it('never lists again because nobody answers', () => {
    expect(decideNext(broken('unreachable'), after({ unanswered: 50 })).relist).toBe(false)
    expect(decideNext(broken('timeout'), after({ unanswered: 50 })).relist).toBe(false)
  })

  it('lists again when the list failed', () => {
    expect(decideNext(broken('unreachable'), { ...before, listing: true }).relist).toBe(true)
  })
})

describe('an outage', () => {
  it.each<readonly [string, Ending]>([
    ['nobody listens', broken('unreachable')],
    ['no headers come', broken('timeout')],
  ])('%s: is tried again within five seconds, however long it lasts, since that costs no list', (_, ending) => {
    expect(pausesOf(Array.from({ length: 8 }, () => ending))).toEqual([1_000, 2_000, 4_000, 5_000, 5_000, 5_000, 5_000, 5_000])
    expect(decideNext(ending, { ...after({ unanswered: 50 }), random: 0 }).pauseMs).toBe(2_500)
  })

  it('after five cuts begins with a short pause: the server was there', () => {
    expect(pausesOf([cut, cut, cut, cut, cut, broken('unreachable')]).at(-1)).toBeLessThanOrEqual(2_000)
  })

  it('that ends with errors of a server that only starts begins their count', () => {
    const away = Array.from({ length: 10 }, () => broken('unreachable'))
    expect(pausesOf([...away, broken('server', { status: 500 })]).at(-1)).toBe(1_000)
    expect(pausesOf([...away, broken('forbidden', { status: 403 })]).at(-1)).toBe(1_000)
    expect(pausesOf([...away, cut, broken('unreachable')]).slice(-2)).toEqual([1_000, 1_000])
  })

  it.each<readonly [string, Ending, boolean]>([
    ['a list that nobody answers', broken('unreachable'), true],
    ['500', broken('server', { status: 500 }), false],
    ['429', broken('throttled', { status: 429 }), false],
  ])('%s: is tried ever more seldom, at least every 30 s', (_, ending, listing) => {
    expect(decideNext(ending, { ...after({ unanswered: 50, refusals: 50 }), listing }).pauseMs).toBe(30_000)
  })
})

describe('a pause that the server asks for', () => {
  it('is kept', () => {
    expect(decideNext(broken('throttled', { status: 429, retryAfterMs: 45_000 }), before).pauseMs).toBe(45_000)
  })

  it('is kept for a minute at most: nobody is blind for an hour', () => {
    expect(decideNext(broken('server', { status: 503, retryAfterMs: 3_600_000 }), before).pauseMs).toBe(60_000)
    expect(decideNext(broken('server', { status: 503, retryAfterMs: 2 ** 31 }), before).pauseMs).toBe(60_000)
  })
})

it('does not pause before the first list after "gone"', () => {
  const gone = broken('gone', { status: 410 })
  expect(decideNext(gone, before).pauseMs).toBe(0)
  expect(decideNext(gone, after({ cuts: 5 })).pauseMs).toBe(0)
  expect(decideNext(gone, after({ refusals: 1 })).pauseMs).toBe(2_000)
})
