import { describe, expect, it } from '@jest/globals'
import { createRandom } from '@weir/shared/testing'
import { judgeAll, judgeSeries, warmUpMs, type Allowance, type Point } from './flat.ts'

const minuteMs = 60_000
const runMs = 60 * minuteMs
const memory: Allowance = { absolute: 8, relative: 0.1 }
const handles: Allowance = { absolute: 4, relative: 0 }

/** A point every ten seconds of an hour. */
function series(valueAt: (minute: number, random: () => number) => number, forMs = runMs): readonly Point[] {
  const random = createRandom(7)
  return Array.from({ length: forMs / 10_000 }, (_, index) => ({ atMs: index * 10_000, value: valueAt(index / 6, random) }))
}

describe('what is flat', () => {
  const rows: readonly (readonly [string, Allowance, (minute: number, random: () => number) => number])[] = [
    ['a constant', memory, () => 120],
    ['noise of a fifth around a level', memory, (_minute, random) => 120 + 24 * (random() - 0.5)],
    ['the saw of a garbage collector', memory, (minute) => 110 + 5 * (minute % 4)],
    ['a rise that ends with the warm-up', memory, (minute) => 80 + 6 * Math.min(minute, 9)],
    ['a fall', memory, (minute) => 150 - minute],
    ['one burst in the middle', memory, (minute) => (minute > 30 && minute < 33 ? 400 : 120)],
    ['a rise within what is allowed', memory, (minute) => 120 + minute / 10],
    ['handles that come and go', handles, (minute) => 40 + (Math.floor(minute * 6) % 7 === 0 ? 20 : 0)],
  ]
  it.each(rows)('%s', (_what, allowed, valueAt) => {
    expect(judgeSeries({ measure: 'm', allowed, points: series(valueAt) }, warmUpMs(runMs))).toMatchObject({ isFlat: true, points: 300 })
  })
})

describe('what is not', () => {
  const rows: readonly (readonly [string, Allowance, (minute: number, random: () => number) => number])[] = [
    ['20 MiB an hour', memory, (minute) => 120 + minute / 3],
    ['20 MiB an hour under noise', memory, (minute, random) => 120 + minute / 3 + 20 * (random() - 0.5)],
    ['a leak that the saw hides', memory, (minute) => 110 + 5 * (minute % 4) + minute / 3],
    ['a step that stays', memory, (minute) => (minute > 45 ? 140 : 120)],
    ['a step right after the warm-up, then level', memory, (minute) => (minute > 20 ? 145 : 120)],
    ['a rise that only the line sees: a last quarter that fell again', memory, (minute) => (minute < 30 ? 100 : minute < 47 ? 150 : 107)],
    ['a socket every five minutes', handles, (minute) => 40 + Math.floor(minute / 5)],
    ['a timer a minute', handles, (minute) => 12 + Math.floor(minute)],
    ['growth that speeds up', memory, (minute) => 120 + (minute / 60) ** 4 * 40],
  ]
  it.each(rows)('%s', (_what, allowed, valueAt) => {
    expect(judgeSeries({ measure: 'm', allowed, points: series(valueAt) }, warmUpMs(runMs)).isFlat).toBe(false)
  })

  it('a series of which nearly nothing was seen', () => {
    expect(judgeSeries({ measure: 'm', allowed: memory, points: series(() => 1).slice(-7) }, 0)).toMatchObject({ isFlat: false, points: 7 })
    expect(judgeSeries({ measure: 'm', allowed: memory, points: [] }, 0)).toMatchObject({ isFlat: false, points: 0, first: 0, rise: 0 })
  })
})

describe('what rises', () => {
  const heap: Allowance = { absolute: 2, relative: 0 }
  /** A rest every five minutes. */
  const rests = (valueAt: (minute: number, random: () => number) => number): readonly Point[] => series(valueAt).filter((_point, index) => index % 30 === 29)
  const rows: readonly (readonly [string, boolean, (minute: number, random: () => number) => number])[] = [
    ['a leak of half a MiB an hour, far below what flat allows', true, (minute) => 19.7 + minute / 120],
    ['the same with one rest that was lower', true, (minute) => 19.7 + minute / 120 - (minute > 34 && minute < 36 ? 0.3 : 0)],
    ['a cache that fills', true, (minute) => 25 + Math.sqrt(minute) / 5],
    ['noise', false, (_minute, random) => 20 + random()],
    ['a constant', false, () => 20],
    ['a rise that is nothing', false, (minute) => 20 + minute / 1000],
    ['a step', false, (minute) => (minute > 35 ? 21 : 20)],
    ['a fall', false, (minute) => 20 - minute / 60],
  ]
  it.each(rows)('%s: %s', (_what, isRising, valueAt) => {
    expect(judgeSeries({ measure: 'm', allowed: heap, points: rests(valueAt) }, warmUpMs(runMs))).toMatchObject({ isRising, isFlat: true, points: 10 })
  })
})

describe('what a verdict says', () => {
  it('both medians, the rise of the line, and what was allowed, by measure', () => {
    const points = series((minute) => minute)
    const found = judgeAll([{ measure: 'source-controller files', allowed: handles, points }], warmUpMs(runMs))
    expect(found).toEqual({ 'source-controller files': { first: 16.17, last: 53.67, rise: 49.83, limit: 4, points: 300, isRising: true, isFlat: false } })
  })

  it('leaves out the warm-up: ten minutes, of a short run a third', () => {
    expect([warmUpMs(runMs), warmUpMs(9 * minuteMs)]).toEqual([10 * minuteMs, 3 * minuteMs])
  })
})
