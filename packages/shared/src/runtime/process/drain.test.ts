import { describe, expect, it } from '@jest/globals'
import { createFakeClock } from '@weir/shared/testing'
import { drainController } from './drain.ts'

describe('drainController', () => {
  it.each([
    ['at once', 0, 20_000, 5_000],
    ['in most of the grace', 17_000, 20_000, 3_000],
    ['after the grace', 25_000, 20_000, 1_000],
  ])('lets runs that end %s send their events before it is done', async (...[, takesMs, graceMs, leftMs]) => {
    const clock = createFakeClock()
    const told: string[] = []
    const controller = {
      drain: async (ms: number) => {
        await clock.sleep(takesMs)
        told.push(`runs ${ms}`)
      },
    }
    const drained = drainController({ controller, recorder: { close: async (ms) => void told.push(`events ${ms}`) }, clock }, graceMs).then(() => told.push('done'))
    await clock.advance(takesMs)
    await drained
    expect(told).toEqual([`runs ${graceMs}`, `events ${leftMs}`, 'done'])
  })
})
