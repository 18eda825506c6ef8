import { expect, it } from '@jest/globals'
import { judge } from './scenario.ts'

it.each([
  ['a figure within its bound', { ratio: 1.3 }, 1.3, true],
  ['a figure beyond it', { ratio: 1.31 }, 1.31, false],
  ['the largest of several', { ratio: { a: 1, b: 2 } }, 2, false],
])('judges %s', (_, figures, value, isMet) => {
  expect(judge(figures, [{ key: 'ratio', most: 1.3 }])).toEqual([{ key: 'ratio', most: 1.3, value, isMet }])
})

it('does not judge what was not measured', () => {
  expect(() => judge({}, [{ key: 'ratio', most: 1 }])).toThrow('no figure ratio')
})
