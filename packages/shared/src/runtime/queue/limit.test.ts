import { describe, expect, it } from '@jest/globals'
import { createLimit, createSlots, type Limit } from './limit.ts'

const observe = (limit: Limit, ms: number, times: number): void => {
  for (let index = 0; index < times; index++) limit.observe(ms, limit.current())
}

describe('limit', () => {
  it('starts at 8 and grows to 64 while work takes no longer', () => {
    const limit = createLimit()
    expect(limit.current()).toBe(8)
    observe(limit, 100, 16)
    expect(limit.current()).toBeGreaterThan(8)
    observe(limit, 100, 16 * 20)
    expect(limit.current()).toBe(64)
  })

  it('shrinks to 4 when work takes much longer, and recovers', () => {
    const limit = createLimit()
    observe(limit, 10, 16 * 20)
    observe(limit, 2_000, 16 * 6)
    expect(limit.current()).toBeLessThan(16)
    observe(limit, 10, 16 * 30)
    expect(limit.current()).toBe(64)
  })

  it.each([0, 0.001, 0.4])('is not misled by work that takes %d ms', (ms) => {
    for (const limit of [createLimit(), createLimit(16)]) {
      observe(limit, ms, 16 * 20)
      observe(limit, ms / 10, 16)
      observe(limit, ms, 16)
      expect(limit.current()).toBeGreaterThanOrEqual(16)
    }
  })

  it('learns nothing from idle times', () => {
    const limit = createLimit()
    for (let index = 0; index < 1_000; index++) limit.observe(10, 1)
    expect(limit.current()).toBe(8)
  })

  it('takes a burst of overload once and never goes below 4', () => {
    const limit = createLimit()
    for (let index = 0; index < 50; index++) limit.overloaded()
    expect(limit.current()).toBe(4)
    observe(limit, 10, 16 * 20)
    limit.overloaded()
    limit.overloaded()
    expect(limit.current()).toBe(32)
  })

  it('is a hard cap when set, that only overload lowers', () => {
    const limit = createLimit(3)
    expect(limit.current()).toBe(3)
    observe(limit, 10, 1_000)
    observe(limit, 5_000, 1_000)
    expect(limit.current()).toBe(3)
    limit.overloaded()
    expect(limit.current()).toBe(1)
    observe(limit, 10, 1_000)
    expect(limit.current()).toBe(3)
  })
})

describe('slots', () => {
  const two: Limit = { current: () => 2, observe: () => undefined, overloaded: () => undefined }
  const never = new AbortController().signal

  it('serves a parked run before a new one', async () => {
    const freed: number[] = []
    const slots = createSlots(two, () => freed.push(slots.taken()))
    slots.enter()
    slots.enter()
    expect(slots.free()).toBe(false)
    const order: string[] = []
    const back = slots.take(never).then(() => order.push('parked'))
    slots.give()
    await back
    expect(order).toEqual(['parked'])
    expect(slots.taken()).toBe(2)
    expect(freed).toEqual([])
    slots.give()
    expect(freed).toEqual([1])
  })

  it('lets a run stop waiting for a worker', async () => {
    const slots = createSlots(two, () => undefined)
    slots.enter()
    slots.enter()
    const abort = new AbortController()
    const back = slots.take(abort.signal)
    abort.abort(new Error('superseded'))
    await expect(back).rejects.toThrow('superseded')
    slots.give()
    expect(slots.free()).toBe(true)
  })
})
