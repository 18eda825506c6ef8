import { expect, it } from '@jest/globals'
import { createFights, fightWindowMs, judgeFight } from './fights.ts'

it.each([
  ['never corrected', [], { waitMs: 0, contested: false }],
  ['corrected just now', [100_000], { waitMs: 1000, contested: false }],
  ['corrected a second ago', [99_000], { waitMs: 0, contested: false }],
  ['the third time', [98_000, 99_500], { waitMs: 1500, contested: true }],
  ['the fourth time', [90_000, 98_000, 99_000], { waitMs: 3000, contested: true }],
  ['up to the interval', Array.from({ length: 12 }, (_, index) => 88_000 + index * 1000), { waitMs: 29_000, contested: true }],
])('%s', (_name, corrections, verdict) => {
  expect(judgeFight(corrections, 100_000, 30_000)).toEqual(verdict)
})

it('forgets what is older than ten minutes', () => {
  const fights = createFights()
  fights.corrected('a', 0)
  expect(fights.judge('a', 500, 60_000)).toEqual({ waitMs: 500, contested: false })
  expect(fights.judge('a', fightWindowMs, 60_000)).toEqual({ waitMs: 0, contested: false })
})
