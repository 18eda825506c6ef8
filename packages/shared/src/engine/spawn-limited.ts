import type { Readable, Writable } from 'node:stream'

export interface SpawnOptions {
  /** Absolute path of the program. */
  readonly program: string
  readonly args: readonly string[]
  readonly cwd: string
  /** The whole environment: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>
  /** Data memory (RLIMIT_DATA); unlimited where absent. */
  readonly memoryBytes?: number
  /** CPU time in seconds (RLIMIT_CPU); unlimited where absent. */
  readonly cpuSeconds?: number
  /** Kills the whole group. */
  readonly signal?: AbortSignal
}

export interface ChildExit {
  readonly code: number | undefined
  /** Name of the signal that ended it (`SIGKILL`). */
  readonly signal: string | undefined
  /** The last 256 KiB of standard error. */
  readonly stderr: string
}

export interface LimitedChild {
  readonly pid: number
  readonly stdin: Writable
  readonly stdout: Readable
  /** Settles once, when the process is gone and its streams are closed; rejects only where it could not be started. */
  readonly exited: Promise<ChildExit>
  /** Ends the process and all that it started. */
  kill(signal?: 'SIGTERM' | 'SIGKILL'): void
}

/** Starts a program in a process group of its own, under limits, with an environment made from nothing. */
export function spawnLimited(options: SpawnOptions): LimitedChild {
  throw new Error(`${options.program}: not built yet`)
}
