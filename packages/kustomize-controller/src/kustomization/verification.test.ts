import { describe, expect, it } from '@jest/globals'
import { createFakeClock } from '@weir/shared/testing'
import { createVerificationPace } from './verification.ts'

describe('the pace of verification', () => {
  it('lets 50 calls a second pass, over all', async () => {
    const clock = createFakeClock()
    const pace = createVerificationPace(clock)
    expect(pace.waitMs()).toBe(0)
    pace.spend(100)
    expect(pace.waitMs()).toBe(2_000)
    pace.spend(25)
    await clock.advance(2_000)
    expect(pace.waitMs()).toBe(500)
    await clock.advance(60_000)
    pace.spend(1) // what was not used is not saved up
    expect(pace.waitMs()).toBe(20)
  })
})
