import type { Terminal } from './terminal.ts'

export type Env = Readonly<Record<string, string | undefined>>

/** What a command may use of the process it runs in. */
export interface World {
  readonly env: Env
  readonly terminal: Terminal
  /** Ctrl-C and SIGTERM. */
  readonly stop: AbortSignal
  /** Wall clock, for ages. */
  now(): number
}
