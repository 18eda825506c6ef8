import { describe, expect, it } from '@jest/globals'
import { KubeError, type KubeErrorCode, type KubeErrorDetail } from '../kube-error.ts'
import { decideNext, type Ending } from './next.ts'

const before = { listing: false, failures: 0, minPauseMs: 1_000, random: 1 }
const broken = (code: KubeErrorCode, detail: KubeErrorDetail = {}, progress = false): Extract<Ending, { kind: 'broken' }> => ({ kind: 'broken', error: new KubeError(code, 'x', detail), progress })

describe('what a watch does next', () => {
  it('follows after a list', () => {
    expect(decideNext({ kind: 'listed' }, { ...before, listing: true })).toEqual({ relist: false, pauseMs: 0, failures: 0, tell: false })
  })

  it('goes on at once after a long watch, with a pause after one that showed nothing', () => {
    expect(decideNext({ kind: 'ended', progress: true }, { ...before, failures: 3 })).toMatchObject({ relist: false, pauseMs: 0, failures: 0 })
    expect(decideNext({ kind: 'ended', progress: false }, { ...before, failures: 3 })).toMatchObject({ relist: false, pauseMs: 8_000, failures: 4 })
  })

  it('a watch that was opened is opened again within two seconds, however often it is cut: nobody is blind for long', () => {
    const cut: Ending = { ...broken('unreachable'), openMs: 150 }
    expect([0, 1, 2, 50].map((failures) => decideNext(cut, { ...before, failures }).pauseMs)).toEqual([1_000, 2_000, 2_000, 2_000])
    expect(decideNext({ kind: 'ended', progress: false, openMs: 150 }, { ...before, failures: 50 }).pauseMs).toBe(2_000)
  })

  it('a quiet watch that was open for long worked: its cuts do not add up', () => {
    const cut: Ending = { ...broken('unreachable'), openMs: 30_000 }
    expect(decideNext(cut, { ...before, failures: 7 })).toMatchObject({ pauseMs: 1_000, failures: 1 })
    expect(decideNext({ kind: 'ended', progress: false, openMs: 30_000 }, { ...before, failures: 7 })).toMatchObject({ pauseMs: 0, failures: 0 })
  })

  it('lists again ever more seldom when an opened watch is told 410 again and again', () => {
    expect(decideNext({ ...broken('gone'), openMs: 150 }, { ...before, failures: 7 })).toMatchObject({ relist: true, pauseMs: 30_000 })
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
    expect(decideNext(broken(code, detail), before)).toMatchObject({ relist, tell, failures: 1 })
  })

  it('lists again when one resourceVersion is refused three times: a restored etcd may never reach it', () => {
    const refused = broken('timeout', { status: 504 })
    expect([0, 1, 2].map((failures) => decideNext(refused, { ...before, failures }).relist)).toEqual([false, false, true])
  })

  it('never lists again because nobody answers', () => {
    expect(decideNext(broken('unreachable'), { ...before, failures: 50 })).toMatchObject({ relist: false, pauseMs: 30_000 })
  })

  it('lists again when the list failed', () => {
    expect(decideNext(broken('unreachable'), { ...before, listing: true }).relist).toBe(true)
  })

  it('pauses as long as it is told, and not at all before the first list after "gone"', () => {
    expect(decideNext(broken('throttled', { retryAfterMs: 45_000 }), before).pauseMs).toBe(45_000)
    expect(decideNext(broken('gone'), before).pauseMs).toBe(0)
    expect(decideNext(broken('gone'), { ...before, failures: 1 }).pauseMs).toBe(2_000)
  })
})
