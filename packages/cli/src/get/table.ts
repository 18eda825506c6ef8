import { cut } from '../printable.ts'

/** One column of a table of rows. */
export interface Column<R> {
  readonly title: string
  readonly read: (row: R) => string
  /** Colours the text as it will stand there, padding included. */
  readonly paint?: (row: R, text: string) => string
}

/** The width of every column but the last, which takes what is left. */
export type Widths = readonly number[]

const gap = 2
/** The last column keeps this much on a terminal that is too narrow for all. */
const leastLast = 16

/** As wide as the longest text of each column. */
export function measure<R>(columns: readonly Column<R>[], rows: readonly R[]): Widths {
  return columns.slice(0, -1).map((column) => Math.max(...[column.title, ...rows.map(column.read)].map(widthOf)))
}

export interface Layout<R> {
  readonly columns: readonly Column<R>[]
  readonly widths: Widths
  /** Of the terminal; undefined: the last column is not cut. */
  readonly terminalColumns: number | undefined
}

export function headLine<R>({ columns, widths }: Layout<R>): string {
  return columns.map(({ title }, at) => pad(title, widths[at])).join(' '.repeat(gap))
}

export function rowLine<R>(row: R, { columns, widths, terminalColumns }: Layout<R>): string {
  const used = widths.reduce((sum, width) => sum + width + gap, 0)
  const left = terminalColumns === undefined ? Number.POSITIVE_INFINITY : Math.max(terminalColumns - used, leastLast)
  const cells = columns.map((column, at) => {
    const text = column.read(row)
    const placed = at < widths.length ? pad(text, widths[at]) : cut(text, left)
    return column.paint === undefined ? placed : column.paint(row, placed)
  })
  return cells.join(' '.repeat(gap)).trimEnd()
}

function pad(text: string, width = 0): string {
  return text + ' '.repeat(Math.max(width - widthOf(text), 0))
}

function widthOf(text: string): number {
  return [...text].length
}
