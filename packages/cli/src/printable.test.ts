import { describe, expect, it } from '@jest/globals'
import { cut, printable, printableLines, showAge, showSpan } from './printable.ts'

describe('printable', () => {
  it('puts text on one line', () => expect(printable(' a\n\tb  c\r\n')).toBe('a b c'))

  it('gives a terminal no commands that an object holds', () => {
    expect(printable('\u001b[31mred\u001b[0m \u001b]0;title\u0007 and \u0008\u202eback')).toBe('red and back')
  })

  it('shows no password of a URL', () => expect(printable('clone https://user:hunter22@git.example/x failed')).not.toContain('hunter22'))

  it('keeps the lines of a message apart where they are wanted', () => expect(printableLines('a\n\n b\u001b[2J\n')).toEqual(['a', 'b']))
})

describe('cut', () => {
  it.each([
    ['short', 5, 'short'],
    ['longer', 5, 'long…'],
    ['🚀🚀🚀', 2, '🚀…'],
    ['x', 0, '…'],
  ])('%j to %d', (text, width, expected) => expect(cut(text, width)).toBe(expected))
})

describe('showSpan', () => {
  it.each([
    [0, '0s'],
    [-5000, '0s'],
    [8_900, '8s'],
    [75_000, '1m15s'],
    [120_000, '2m'],
    [12 * 60_000 + 30_000, '12m'],
    [3 * 3_600_000 + 5 * 60_000, '3h5m'],
    [49 * 3_600_000, '2d1h'],
    [20 * 86_400_000 + 3_600_000, '20d'],
  ])('%d ms is %s', (ms, expected) => expect(showSpan(ms)).toBe(expected))
})

describe('showAge', () => {
  const now = Date.parse('2026-01-01T00:01:00Z')
  it.each([
    ['2026-01-01T00:00:00Z', '1m'],
    [undefined, '-'],
    ['yesterday', '-'],
  ])('%j', (time, expected) => expect(showAge(time, now)).toBe(expected))
})
