import { createTerminal, type Terminal } from './terminal.ts'
import { runWeir } from './weir.ts'
import type { Env } from './world.ts'

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

export interface TestWorldOptions {
  readonly env?: Env
  /** A terminal of this width; default: none. */
  readonly columns?: number
  readonly stop?: AbortSignal
  readonly now?: number
  /** Told everything that was printed so far, as it is printed. */
  onPrint?(out: string): void
}

/** Runs the command in this process, for tests: what it printed, and its exit code. */
export async function runForTest(argv: readonly string[], options: TestWorldOptions = {}): Promise<Ran> {
  const { env = {}, columns, stop = new AbortController().signal, now } = options
  const text = { out: '', err: '' }
  const stream = (name: 'out' | 'err'): Parameters<typeof createTerminal>[0]['stdout'] => ({
    isTTY: columns !== undefined,
    columns: columns ?? 0,
    write(chunk: unknown) {
      text[name] += String(chunk)
      if (name === 'out') options.onPrint?.(text.out)
      return true
    },
  })
  const terminal: Terminal = createTerminal({ stdout: stream('out'), stderr: stream('err') }, env)
  const code = await runWeir(argv, { env, terminal, stop, now: () => now ?? Date.now() })
  return { code, ...text }
}
