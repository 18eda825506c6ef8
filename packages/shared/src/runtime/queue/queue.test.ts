import { describe, expect, it } from '@jest/globals'
import { quietTelemetry } from '@weir/shared/telemetry'
import { createFakeClock } from '@weir/shared/testing'
import { createQueue, type QueueOptions } from './queue.ts'
import { textOf, wakeClasses, type Key, type WakeClass } from '../wake.ts'

const key = (name: string): Key => ({ namespace: 'n', name })

function setUp(options: Partial<QueueOptions> = {}) {
  const clock = createFakeClock()
  const { metrics } = quietTelemetry()
  const calls = { ready: 0 }
  const queue = createQueue({ name: 'toy', clock, metrics, onReady: () => void calls.ready++, ...options })
  const take = (): string | undefined => {
    const taken = queue.take()
    return taken && `${taken.key.name}:${taken.wakeClass}`
  }
  return { clock, queue, take, calls, metrics }
}

describe('queue', () => {
  it('serves by class, and inside one by age', () => {
    const { queue, take } = setUp()
    for (const wakeClass of wakeClasses.toReversed()) {
      queue.add(key(`${wakeClass}1`), wakeClass)
      queue.add(key(`${wakeClass}2`), wakeClass)
    }
    expect(Array.from({ length: 17 }, take)).toEqual([
      ...wakeClasses.flatMap((wakeClass) => [`${wakeClass}1:${wakeClass}`, `${wakeClass}2:${wakeClass}`]),
      undefined,
    ])
  })

  it('holds a key once, under its best class', () => {
    const { queue, take } = setUp()
    queue.add(key('a'), 'interval')
    queue.add(key('b'), 'spec')
    queue.add(key('a'), 'token')
    queue.add(key('a'), 'verification')
    expect([take(), take(), take()]).toEqual(['a:token', 'b:spec', undefined])
  })

  it('runs a key that is woken in work once more, with the best class of those wakes', () => {
    const { queue, take } = setUp()
    queue.add(key('a'), 'spec')
    expect(take()).toBe('a:spec')
    queue.add(key('a'), 'interval')
    queue.add(key('a'), 'source')
    queue.add(key('a'), 'drift')
    expect(take()).toBeUndefined()
    queue.done(key('a'))
    expect(take()).toBe('a:source')
    queue.done(key('a'))
    expect(take()).toBeUndefined()
  })

  it('lets no key wait more than 60 s behind better ones', async () => {
    const { queue, take, clock } = setUp()
    queue.add(key('old'), 'verification')
    await clock.advance(30_000)
    queue.add(key('younger'), 'interval')
    await clock.advance(30_001)
    queue.add(key('new'), 'token')
    expect([take(), take(), take()]).toEqual(['old:verification', 'new:token', 'younger:interval'])
  })

  it('lets no key wait more than 60 s behind better ones, also while a class that is paced has the oldest', async () => {
    const { queue, take, clock } = setUp({ pace: (wakeClass: WakeClass) => (wakeClass === 'verification' ? 500 : 0) })
    queue.add(key('paced'), 'verification')
    await clock.advance(1_000)
    queue.add(key('b'), 'drift')
    queue.add(key('a'), 'interval')
    await clock.advance(60_001)
    for (const name of ['x', 'y', 'z']) queue.add(key(name), 'token')
    expect([take(), take(), take()]).toEqual(['b:drift', 'a:interval', 'x:token'])
  })

  it('counts patience from the first wake, also when the class gets better', async () => {
    const { queue, take, clock } = setUp()
    queue.add(key('a'), 'verification')
    await clock.advance(60_001)
    queue.add(key('b'), 'token')
    queue.add(key('a'), 'interval')
    expect(take()).toBe('a:interval')
  })

  it('adds later, the earlier of two wakes of a class', async () => {
    const { queue, take, clock } = setUp()
    queue.add(key('a'), 'drift', { afterMs: 5_000 })
    queue.add(key('a'), 'drift', { afterMs: 2_000 })
    queue.add(key('a'), 'drift', { afterMs: 9_000 })
    await clock.advance(1_999)
    expect(take()).toBeUndefined()
    await clock.advance(1)
    expect(take()).toBe('a:drift')
    queue.done(key('a'))
    await clock.advance(60_000)
    expect(take()).toBeUndefined()
  })

  it('replaces the planned run, and a run serves it', async () => {
    const { queue, take, clock } = setUp()
    queue.plan(key('a'), 1_000)
    queue.plan(key('a'), 5_000)
    await clock.advance(4_999)
    expect(take()).toBeUndefined()
    queue.add(key('a'), 'token')
    expect(take()).toBe('a:token')
    queue.done(key('a'))
    await clock.advance(60_000)
    expect(take()).toBeUndefined()
  })

  it('does not lose a delayed drift when a run comes first', async () => {
    const { queue, take, clock } = setUp()
    queue.add(key('a'), 'drift', { afterMs: 4_000 })
    queue.add(key('a'), 'spec')
    expect(take()).toBe('a:spec')
    queue.done(key('a'))
    queue.plan(key('a'), 600_000)
    await clock.advance(4_000)
    expect(take()).toBe('a:drift')
  })

  it('keeps one timer for thousands of plans', async () => {
    const { queue, take, clock } = setUp()
    for (let index = 0; index < 5_000; index++) queue.plan(key(`k${(index * 7919) % 5_000}`), 1_000 + ((index * 7919) % 5_000))
    for (let index = 0; index < 5_000; index += 2) queue.plan(key(`k${index}`), 100_000)
    expect(clock.pending()).toBe(1)
    await clock.advance(10_000)
    const served = Array.from({ length: 2_501 }, take)
    expect(served[0]).toBe('k1:interval')
    expect(served[2_499]).toBe('k4999:interval')
    expect(served[2_500]).toBeUndefined()
  })

  it('paces a class without holding up the others', async () => {
    const pace = { nextMs: 500 }
    const { queue, take, clock, calls } = setUp({ pace: (wakeClass: WakeClass) => (wakeClass === 'verification' ? pace.nextMs : 0) })
    queue.add(key('a'), 'verification')
    queue.add(key('b'), 'interval')
    expect([take(), take()]).toEqual(['b:interval', undefined])
    const before = calls.ready
    pace.nextMs = 0
    await clock.advance(500)
    expect(calls.ready).toBe(before + 1)
    expect(take()).toBe('a:verification')
  })

  it('counts failures in a row', () => {
    const { queue } = setUp()
    expect([queue.failed(key('a')), queue.failed(key('a')), queue.failed(key('b'))]).toEqual([1, 2, 1])
    queue.succeeded(key('a'))
    expect(queue.failed(key('a'))).toBe(1)
  })

  it('forgets everything about a key', async () => {
    const { queue, take, clock } = setUp()
    queue.add(key('a'), 'spec')
    queue.add(key('a'), 'drift', { afterMs: 10 })
    queue.plan(key('a'), 20)
    queue.add(key('b'), 'spec')
    queue.failed(key('a'))
    queue.forget(key('a'))
    await clock.advance(100)
    expect([take(), take()]).toEqual(['b:spec', undefined])
    queue.add(key('b'), 'spec')
    queue.forget(key('b'))
    queue.done(key('b'))
    expect(take()).toBeUndefined()
    expect(queue.failed(key('a'))).toBe(1)
  })

  it('gives nothing out after close and leaves no timer', async () => {
    const { queue, take, clock } = setUp()
    queue.add(key('a'), 'spec')
    queue.plan(key('b'), 10)
    queue.close()
    queue.add(key('c'), 'token')
    queue.plan(key('c'), 1)
    await clock.advance(1_000)
    expect(take()).toBeUndefined()
    expect(clock.pending()).toBe(0)
  })

  it('tells its metrics under the names of controller-runtime', async () => {
    const { queue, take, metrics } = setUp()
    queue.add(key('a'), 'spec')
    queue.add(key('a'), 'token')
    queue.add(key('b'), 'token')
    take()
    queue.done(key('a'))
    queue.failed(key('a'))
    const text = await metrics.text()
    expect(text).toMatch(/workqueue_depth\{name="toy"\} 1/)
    expect(text).toMatch(/workqueue_adds_total\{name="toy"\} 2/)
    expect(text).toMatch(/workqueue_retries_total\{name="toy"\} 1/)
    expect(text).toMatch(/workqueue_queue_duration_seconds_count\{name="toy"\} 1/)
    expect(text).toMatch(/workqueue_work_duration_seconds_count\{name="toy"\} 1/)
  })

  it('never holds a key twice and never loses a wake, whatever the order', () => {
    const { queue } = setUp()
    const state = { seed: 42 }
    const random = (below: number): number => {
      state.seed = (state.seed * 1_103_515_245 + 12_345) % 2 ** 31
      return Math.floor((state.seed / 2 ** 31) * below)
    }
    const working = new Set<string>()
    const owed = new Set<string>()
    for (let turn = 0; turn < 20_000; turn++) {
      const some = key(`k${random(20)}`)
      if (random(3) > 0) {
        queue.add(some, wakeClasses[random(wakeClasses.length)] ?? 'spec')
        owed.add(textOf(some))
      } else if (random(2) === 0) {
        const taken = queue.take()
        if (taken === undefined) continue
        expect(working.has(textOf(taken.key))).toBe(false)
        expect(owed.delete(textOf(taken.key))).toBe(true)
        working.add(textOf(taken.key))
      } else if (working.delete(textOf(some))) queue.done(some)
    }
    for (const text of working) queue.done(key(text.slice(2)))
    for (let taken = queue.take(); taken; taken = queue.take()) owed.delete(textOf(taken.key))
    expect(owed).toEqual(new Set())
  })
})
