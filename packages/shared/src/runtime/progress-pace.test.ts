import { describe, expect, it } from '@jest/globals'
import { createFakeClock } from '@weir/shared/testing'
import type { Outcome } from './outcome.ts'
import { createProgressPace } from './progress-pace.ts'
import { createWorld, done, gated, type ToyStep } from './toys/world.ts'

const takeAll = (pace: ReturnType<typeof createProgressPace>): number => {
  for (let taken = 0; ; taken += 1) if (!pace.take()) return taken
}

describe('the pace of progress', () => {
  it('is 10 at once, then 2 a second, and saves up no more than 10', async () => {
    const clock = createFakeClock()
    const pace = createProgressPace(clock)
    expect(takeAll(pace)).toBe(10)
    await clock.advance(1_000)
    expect(takeAll(pace)).toBe(2)
    await clock.advance(600_000)
    expect(takeAll(pace)).toBe(10)
  })

  it('lets a run that was refused say it later, if it still lasts', async () => {
    const work = gated<undefined>(undefined)
    const clock = createFakeClock()
    const slow = async (_toy: unknown, step: ToyStep): Promise<Outcome> => (await step('work', work.body, { deadlineMs: 600_000 })) ?? done
    const { controller, create, patches } = createWorld(clock, { reconcile: slow, concurrent: 40 })
    for (let n = 0; n < 25; n += 1) await create(`toy-${n}`)
    await controller.start()
    await clock.advance(2_000)
    expect(patches()).toHaveLength(10)
    await clock.advance(2_000)
    expect(patches()).toHaveLength(14)
    await clock.advance(2_000)
    expect(patches()).toHaveLength(18)
    await clock.advance(60_000)
    expect(patches()).toHaveLength(25)
  })
})
