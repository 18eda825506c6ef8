import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from '@jest/globals'
import { createSendQueue } from './send-queue.ts'

/** Longer than the time limit of a test. */
const forever = 3_600_000

function queueOf(options: { readonly limit?: number; readonly workers?: number; readonly takesMs?: number } = {}) {
  const sent: string[] = []
  const state = { dropped: 0, atOnce: 0, most: 0 }
  const queue = createSendQueue<string>({
    limit: options.limit ?? 100,
    workers: options.workers ?? 2,
    async send(value, ending) {
      state.atOnce += 1
      state.most = Math.max(state.most, state.atOnce)
      await sleep(options.takesMs ?? 1, undefined, { signal: ending }).catch(() => undefined)
      state.atOnce -= 1
      sent.push(value)
    },
    merge: (waiting, added) => `${waiting}+${added}`,
    onDrop: (count) => {
      state.dropped += count
    },
  })
  return { queue, sent, state }
}

describe('send queue', () => {
  it('sends all, several at a time', async () => {
    const { queue, sent, state } = queueOf({ workers: 3 })
    for (let number = 0; number < 20; number += 1) queue.add(String(number), String(number))
    await queue.close(1_000)
    expect(sent).toHaveLength(20)
    expect(state).toMatchObject({ most: 3, dropped: 0 })
    queue.add('late', 'late')
    expect(queue.size()).toBe(0)
  })

  it('sends one key one at a time and merges what waits', async () => {
    const { queue, sent, state } = queueOf()
    for (const value of ['a', 'b', 'c']) queue.add('key', value)
    await queue.close(1_000)
    expect(sent).toEqual(['a', 'b+c'])
    expect(state.most).toBe(1)
  })

  it('drops the oldest without room', async () => {
    const { queue, sent, state } = queueOf({ limit: 2, workers: 1 })
    for (const value of ['a', 'b', 'c', 'd']) queue.add(value, value)
    await queue.close(1_000)
    expect(sent).toEqual(['a', 'c', 'd'])
    expect(state.dropped).toBe(1)
  })

  it('gives up at close', async () => {
    const { queue, sent, state } = queueOf({ workers: 1, takesMs: forever })
    for (const value of ['a', 'b', 'c']) queue.add(value, value)
    await queue.close(50)
    await sleep(10)
    expect(state.dropped).toBe(2)
    expect(sent).toEqual(['a'])
  })
})
