import { describe, expect, it } from '@jest/globals'
import { createOutbox } from './outbox.ts'
import type { Letter } from './outbox.ts'

const letter = (serial: number): Letter => ({ serial, id: String(serial), type: 'applied', subject: 's', payload: '{}', traceparent: undefined, attempts: 0 })

describe('outbox', () => {
  it('is first in, first out, and puts failed letters back in order', () => {
    const outbox = createOutbox(10, () => undefined)
    for (const serial of [1, 2, 3, 4]) outbox.add(letter(serial))
    const taken = [outbox.take(), outbox.take(), outbox.take()]
    for (const back of [taken[1], taken[0], taken[2]]) if (back) outbox.putBack(back)
    expect([1, 2, 3, 4].map(() => outbox.take()?.serial)).toEqual([1, 2, 3, 4])
    const last = letter(9)
    outbox.putBack(last)
    expect(outbox.take()).toBe(last)
    expect(outbox.take()).toBeUndefined()
  })

  it('drops the oldest, also when a letter comes back to a full box', () => {
    const dropped: number[] = []
    const outbox = createOutbox(2, (count) => void dropped.push(count))
    for (const serial of [2, 3, 4]) outbox.add(letter(serial))
    outbox.putBack(letter(1))
    expect(outbox.take()?.serial).toBe(3)
    outbox.clear()
    expect(dropped).toEqual([1, 1, 1])
    expect(outbox.size()).toBe(0)
  })
})
