import { describe, expect, it } from '@jest/globals'
import { createFakeClock } from '@weir/shared/testing'
import { processMemory, reclaimWhenIdle } from './reclaim.ts'

const mib = 1024 * 1024

describe('reclaimWhenIdle', () => {
  it('collects once after a burst, and not again until it is worth it', async () => {
    const clock = createFakeClock()
    const state = { share: 0.9, rss: 150 * mib, collected: 0 }
    const stop = reclaimWhenIdle(clock, {
      busyShare: () => state.share,
      residentBytes: () => state.rss,
      collect() {
        state.collected++
        state.rss = 100 * mib
      },
    })
    await clock.advance(60_000)
    expect(state.collected).toBe(0) // busy
    state.share = 0.01
    await clock.advance(5_000)
    expect(state.collected).toBe(1)
    state.rss = 104 * mib
    await clock.advance(60_000)
    expect(state.collected).toBe(1) // not worth it
    state.rss = 120 * mib
    await clock.advance(5_000)
    expect(state.collected).toBe(2)
    stop()
    expect(clock.pending()).toBe(0)
  })

  it('can collect in a real process', () => {
    const memory = processMemory()
    expect(() => memory.collect()).not.toThrow()
    expect(memory.busyShare()).toBeGreaterThanOrEqual(0)
    expect(memory.residentBytes()).toBeGreaterThan(mib)
  })
})
