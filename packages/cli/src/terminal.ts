import { styleText } from 'node:util'

export type Colour = 'green' | 'red' | 'yellow' | 'cyan' | 'bold' | 'dim'

/** Where the command speaks. */
export interface Terminal {
  /** Undefined: not a terminal, nothing is cut. Read anew at each use, as a window may be resized. */
  columns(): number | undefined
  /** A line of what was asked for. */
  print(text: string): void
  /** A line beside it: progress, trouble. */
  tell(text: string): void
  /** The text in a colour, where colours are wanted. */
  paint(colour: Colour, text: string): string
}

type Stream = Pick<NodeJS.WriteStream, 'isTTY' | 'columns' | 'write'>

/** Colours only on a terminal that has them, and not with NO_COLOR (https://no-color.org: any value but an empty one). */
export function createTerminal(streams: { readonly stdout: Stream; readonly stderr: Stream }, env: Readonly<Record<string, string | undefined>>): Terminal {
  const { stdout, stderr } = streams
  const coloured = stdout.isTTY && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb'
  return {
    columns: () => (stdout.isTTY ? stdout.columns || undefined : undefined),
    print: (text) => void stdout.write(`${text}\n`),
    tell: (text) => void stderr.write(`${text}\n`),
    paint: (colour, text) => (coloured ? styleText(colour, text, { validateStream: false }) : text),
  }
}
