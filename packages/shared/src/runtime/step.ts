import type { Stop } from './outcome.ts'
import type { Notes, Progress } from './kind-table.ts'

/** One run's steps. S is the kind's status without conditions, observedGeneration and lastHandledReconcileAt. */
export interface Step<S> {
  /** Aborted by anything that ends the run. Holds a worker. */
  <T>(name: string, run: (signal: AbortSignal) => Promise<T | Stop>, options?: StepOptions): Promise<T | Stop>
  /** Waits and holds no worker; keep ids in its closure, not objects. Takes a worker again before it returns. */
  park<T>(name: string, run: (signal: AbortSignal) => Promise<T | Stop>, options?: StepOptions): Promise<T | Stop>
  /** A stage from its first to its last write: never aborted by `superseded`, by `shutdown` only after the grace of 20 s. */
  critical<T>(name: string, run: (signal: AbortSignal) => Promise<T | Stop>, options?: StepOptions): Promise<T | Stop>
  /** Part of the run's next write, if it makes one. */
  note(status: Notes<S>): void
  /** What a write in mid-run says; writes nothing itself. */
  progress(progress: string | Progress): void
  /** Writes noted fields and progress now; throws if it could not. */
  save(progress: string | Progress): Promise<void>
}

export interface StepOptions {
  /** Default 60 s for a step, none for `park` and `critical`. Past it the step is a `failing` Stop that names it. */
  readonly deadlineMs?: number
}

/** Fault injection and tracing: told before a step begins and after it ended. What it throws ends the run as the step would. */
export type OnStep = (name: string, phase: 'begin' | 'end') => void | Promise<void>

export type AbortReason = 'shutdown' | 'lost-lease' | 'superseded' | 'timeout'

/** The reason of every run's AbortSignal. Steps let it pass. */
export class RunAborted extends Error {
  readonly why: AbortReason
  constructor(why: AbortReason) {
    super(`run aborted: ${why}`)
    this.name = 'RunAborted'
    this.why = why
  }
}
