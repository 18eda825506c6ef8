import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { formatDurationMs, parseDurationMs } from './duration.ts'

describe('parseDurationMs', () => {
  it.each([
    ['0', 0],
    ['0s', 0],
    ['-0s', 0],
    ['5s', 5_000],
    ['1m30s', 90_000],
    ['1h', 3_600_000],
    ['1h0m0.5s', 3_600_500],
    ['1.5s', 1_500],
    ['.5s', 500],
    ['1.s', 1_000],
    ['250ms', 250],
    ['250us', 0.25],
    ['250µs', 0.25],
    ['250μs', 0.25],
    ['1ns', 1e-6],
    ['+5s', 5_000],
    ['-1m', -60_000],
    ['30s1m', 90_000],
    ['1s1s', 2_000],
    ['2540400h', 9_145_440_000_000],
  ])('reads %j as %d ms', (text, expected) => {
    expect(parseDurationMs(text)).toBeCloseTo(expected, 9)
  })

  it.each(['', '-', '5', '5 s', ' 5s', '5s ', 's', '.s', '5d', '5S', '1h-5m', '5m 3s', '1e3s', '1_0s', '--5s', '99999999999999h', '2562048h', 'five minutes'])(
    'refuses %j, as Go does',
    (text) => {
      expect(parseDurationMs(text)).toBeUndefined()
    },
  )
})

describe('formatDurationMs', () => {
  it.each([
    [0, '0s'],
    [1, '1ms'],
    [1.5, '1.5ms'],
    [0.25, '250µs'],
    [0.0005, '500ns'],
    [999.999999, '999.999999ms'],
    [1_000, '1s'],
    [1_500, '1.5s'],
    [60_000, '1m0s'],
    [90_000, '1m30s'],
    [3_600_000, '1h0m0s'],
    [3_661_001, '1h1m1.001s'],
    [90_000_000, '25h0m0s'],
    [-90_000, '-1m30s'],
  ])('prints %d ms as %s', (durationMs, expected) => {
    expect(formatDurationMs(durationMs)).toBe(expected)
  })

  it('prints what parses to the same duration', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e12, max: 1e12 }), (durationMs) => {
        expect(parseDurationMs(formatDurationMs(durationMs))).toBeCloseTo(durationMs, 3)
      }),
    )
  })
})
