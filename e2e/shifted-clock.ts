import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { ControllerProcess } from './controller-process.ts'

/** A wall clock that controllers read in place of the machine's, if they are started with its environment. */
export interface ShiftedClock {
  /** To be added to the environment of the process. */
  readonly env: Readonly<Record<string, string>>
  /** Sets the clock of these processes to so much after the machine's, and of those that are started later; one that does not know it dies of the signal, one that has ended is left out. Nobody is told what the clock says already. */
  shift(offsetMs: number, processes: readonly ControllerProcess[]): Promise<void>
}

/** A URL, for NODE_OPTIONS is split at blanks. */
const preload = new URL('clock-preload.ts', import.meta.url).href

/** `dir` holds the file that says how far it is off. */
export function createShiftedClock(dir: string): ShiftedClock {
  const file = path.join(dir, 'clock-offset')
  const state = { offsetMs: 0 }
  return {
    env: { NODE_OPTIONS: `--import ${preload}`, WEIR_TEST_CLOCK: file },
    async shift(offsetMs, processes) {
      if (offsetMs === state.offsetMs) return // a signal that says nothing may still kill: who is about to end has no handler any more
      state.offsetMs = offsetMs
      await writeFile(file, String(offsetMs))
      for (const { pid } of processes) tell(pid)
    },
  }
}

function tell(pid: number): void {
  try {
    process.kill(pid, 'SIGUSR2')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
