import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { partEnvironment } from '../options.ts'
import { killGroup, untilPaused } from './process-table.ts'
import type { RunFolder } from './run-folder.ts'

/** A running program in a process group of its own. */
export interface Child {
  readonly name: string
  readonly pid: number
  /** Resolves with how it ended: `exit 1`, `SIGKILL`. */
  readonly ended: Promise<string>
  hasEnded(): boolean
  signal(signal: NodeJS.Signals): void
  /** Freezes the group; resolves when it is frozen. */
  pause(): Promise<void>
  /** Asks politely, and kills after the grace; 0 kills at once. */
  end(graceMs: number): Promise<void>
  /** What it has logged since it was started. */
  output(): Promise<string>
}

export interface ChildSpec {
  readonly name: string
  readonly binary: string
  readonly args: readonly string[]
  readonly folder: RunFolder
  /** Appended to. */
  readonly logFile: string
  /** Beside what every part sees. */
  readonly env?: Readonly<Record<string, string>> | undefined
}

/** Starts a program in the run's folder. It must name that folder in its arguments, of which `binary` is the first: see `reap`. */
export async function startChild({ name, binary, args, folder, logFile, env }: ChildSpec): Promise<Child> {
  const log = openSync(logFile, 'a', 0o600)
  const logged = (await stat(logFile)).size
  const child = spawn(binary, args, { cwd: folder.dir, detached: true, stdio: ['ignore', log, log], env: { ...partEnvironment(), ...env } })
  closeSync(log)
  const started = Promise.withResolvers<void>()
  const end = Promise.withResolvers<string>()
  const state: { ended?: string } = {}
  child.once('spawn', started.resolve)
  child.once('error', started.reject)
  child.once('exit', (code, signal) => {
    state.ended = signal ?? `exit ${code}`
    if (child.pid !== undefined) folder.forget(child.pid)
    end.resolve(state.ended)
  })
  if (child.pid !== undefined) folder.remember(name, child.pid)
  await started.promise
  const { pid } = child
  if (pid === undefined) throw new Error(`${name} has no process`)
  child.unref() // a forgotten stop() must not keep our process alive: the watchdog ends the part then
  const signal = (which: NodeJS.Signals): void => {
    if (state.ended === undefined) killGroup(pid, which)
  }
  return {
    name,
    pid,
    ended: end.promise,
    hasEnded: () => state.ended !== undefined,
    signal,
    async pause() {
      signal('SIGSTOP')
      await untilPaused(pid)
    },
    async end(graceMs) {
      child.ref()
      const killer = graceMs > 0 ? setTimeout(() => signal('SIGKILL'), graceMs) : undefined
      signal(graceMs > 0 ? 'SIGTERM' : 'SIGKILL')
      if (graceMs > 0) signal('SIGCONT') // a paused one cannot hear
      await end.promise
      clearTimeout(killer)
    },
    output: async () => (await readFile(logFile)).subarray(logged).toString('utf8'),
  }
}
