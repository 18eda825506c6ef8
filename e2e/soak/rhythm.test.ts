import { describe, expect, it } from '@jest/globals'
import { isResting, isRestSample, rhythmOf } from './rhythm.ts'

describe('work and rest', () => {
  const rests = (samples: number): readonly number[] => Array.from({ length: samples }, (_, at) => at).filter((at) => isRestSample(at, rhythmOf(samples)))

  it('an hour: every five minutes, a minute of rest before the sample that is judged', () => {
    expect(rests(360)).toEqual([29, 59, 89, 119, 149, 179, 209, 239, 269, 299, 329, 359])
    expect(rests(360).filter((at) => at >= 60)).toHaveLength(10)
    expect(Array.from({ length: 31 }, (_, at) => at).filter((at) => isResting(at, rhythmOf(360)))).toEqual([23, 24, 25, 26, 27, 28])
  })

  it('a few minutes: as many, and half of the time', () => {
    expect(rhythmOf(30)).toEqual({ period: 2, rest: 1 })
    expect(rests(48)).toHaveLength(12)
    expect(Array.from({ length: 8 }, (_, at) => isResting(at, rhythmOf(48)))).toEqual([false, true, true, false, false, true, true, false])
  })
})
