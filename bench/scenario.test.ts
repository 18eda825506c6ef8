import { expect, it } from '@jest/globals'
import { endOf, judge, type Figures } from './scenario.ts'

it.each<readonly [string, Figures, number, boolean]>([
  ['a figure within its bound', { ratio: 1.3 }, 1.3, true],
  ['a figure beyond it', { ratio: 1.31 }, 1.31, false],
  ['the largest of several', { ratio: { a: 1, b: 2 } }, 2, false],
])('judges %s', (_, figures, value, isMet) => {
  expect(judge(figures, [{ key: 'ratio', most: 1.3 }])).toEqual([{ key: 'ratio', most: 1.3, value, isMet }])
})

it.each<readonly [string, Figures, boolean]>([
  ['exactly as much', { builds: 1 }, true],
  ['less', { builds: 0 }, false],
  ['more', { builds: 2 }, false],
  ['less in one of several', { builds: { a: 1, b: 0 } }, false],
])('judges what must be there: %s', (_, figures, isMet) => {
  expect(judge(figures, [{ key: 'builds', least: 1, most: 1 }])[0]?.isMet).toBe(isMet)
})

it.each<readonly [string, Figures]>([
  ['is missing', {}],
  ['has no value', { ratio: {} }],
  ['is no number', { ratio: Number.NaN }],
  ['has one value that is no number', { ratio: { a: 1, b: Number.NaN } }],
  ['is a word', { ratio: '' }],
])('does not judge a figure that %s', (_, figures) => {
  expect(() => judge(figures, [{ key: 'ratio', most: 1 }])).toThrow('no figure ratio')
})

it.each<readonly [string, Figures, readonly string[], number]>([
  ['all budgets met', { n: 1000, seconds: 5, builds: 1 }, [], 0],
  ['one missed', { n: 1000, seconds: 6, builds: 1 }, ['seconds'], 1],
  ['all missed', { n: 1000, seconds: 6, builds: 0 }, ['seconds', 'builds'], 1],
  ['one missed at another size', { n: 20, seconds: 6, builds: 1 }, ['seconds'], 0],
])('ends a run with %s', (_, figures, missed, exitCode) => {
  const budgets = [{ key: 'seconds', most: 5 }, { key: 'builds', least: 1, most: 1 }]
  expect(endOf(figures, { n: 1000, budgets })).toEqual({ missed, exitCode })
})
