import { describe, expect, it } from '@jest/globals'
import { headLine, measure, rowLine, type Column } from './table.ts'

interface Thing {
  readonly name: string
  readonly words: string
}

const columns: readonly Column<Thing>[] = [
  { title: 'NAME', read: ({ name }) => name },
  { title: 'SAYS', read: ({ words }) => words, paint: (_, text) => `<${text}>` },
]
const things: readonly Thing[] = [
  { name: 'a', words: 'short' },
  { name: 'longest', words: 'a long message that goes on' },
]
const widths = measure(columns, things)
const linesAt = (terminalColumns: number | undefined): readonly string[] => things.map((thing) => rowLine(thing, { columns, widths, terminalColumns }))

describe('a table', () => {
  it('lines its columns up', () => {
    expect([headLine({ columns, widths, terminalColumns: undefined }), ...linesAt(undefined)]).toEqual([
      'NAME     SAYS',
      'a        <short>',
      'longest  <a long message that goes on>',
    ])
  })

  it('cuts the last column to the terminal', () => expect(linesAt(30)[1]).toBe('longest  <a long message that …>'))

  it('keeps some of the last column on a terminal that is too narrow', () => expect(linesAt(5)[1]).toBe('longest  <a long message …>'))

  it('is as wide as its titles when it has no rows', () => expect(measure(columns, [])).toEqual([4]))
})
