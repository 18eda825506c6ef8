import { describe, expect, it } from '@jest/globals'
import { median, percentile, ratiosOf, round, spreadMs } from './figures.ts'

describe('percentile', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index)
  it.each([
    ['the middle of an odd number of values', [3, 1, 2], 50, 2],
    ['the lower middle of an even number', [1, 2, 3, 4], 50, 2],
    ['one value is every percentile', [7], 99, 7],
    ['p99 of a hundred is the second largest', hundred, 99, 99],
    ['p100 is the largest', hundred, 100, 100],
    ['p0 is the smallest', hundred, 0, 1],
    ['p99 of few values is the largest', [5, 9, 1], 99, 9],
  ])('%s', (_, values, percent, expected) => {
    expect(percentile(values, percent)).toBe(expected)
  })

  it('refuses to make up a figure', () => {
    expect(() => percentile([], 50)).toThrow('no values')
  })

  it('leaves its input alone', () => {
    const values = [3, 1, 2]
    expect(median(values)).toBe(2)
    expect(values).toEqual([3, 1, 2])
  })
})

it('compares both phases together and each by itself', () => {
  const ours = { installSeconds: 50, upgradeSeconds: 70 }
  expect(ratiosOf(ours, { installSeconds: 40, upgradeSeconds: 60 })).toEqual({ ratio: 1.2, ratioInstall: 1.25, ratioUpgrade: 1.167 })
})

it('rounds for reading', () => {
  expect([round(1.005, 1), round(2.346), round(12.5, 0)]).toEqual([1, 2.35, 13])
  expect(spreadMs([10.4, 20.6, 1000.2])).toEqual({ p50Ms: 21, p99Ms: 1000 })
})
