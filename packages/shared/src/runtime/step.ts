import type { Telemetry } from '@weir/shared/telemetry'
import type { Clock } from './clock.ts'
import type { FailureWords, Notes, Progress } from './kind-table.ts'
import type { Slots } from './queue/limit.ts'
import { failing, isStop, type Stop } from './outcome.ts'

/** One run's steps. S is the kind's status without conditions, observedGeneration and lastHandledReconcileAt. */
export interface Step<S> {
  /** Aborted by anything that ends the run. Holds a worker. */
  <T>(name: string, run: StepBody<T>, options?: StepOptions): Promise<T | Stop>
  /** Waits and holds no worker; keep ids in its closure, not objects. Takes a worker again before it returns. */
  park<T>(name: string, run: StepBody<T>, options?: StepOptions): Promise<T | Stop>
  /** A stage from its first to its last write: never aborted by `superseded`, by `shutdown` only after the grace of 20 s. */
  critical<T>(name: string, run: StepBody<T>, options?: StepOptions): Promise<T | Stop>
  /** Part of the run's next write, if it makes one. */
  note(status: Notes<S>): void
  /** What a write in mid-run says; writes nothing itself. */
  progress(progress: string | Progress): void
  /** Writes noted fields and progress now; throws if it could not. */
  save(progress: string | Progress): Promise<void>
}

export type StepBody<T> = (signal: AbortSignal) => Promise<T | Stop>

export interface StepOptions {
  /** Default 60 s for a step, none for `park` and `critical`. Past it a step that throws is a `failing` Stop that names it. */
  readonly deadlineMs?: number
}

/**
 * Fault injection: told before a step begins and after it ended, and around our own writes (`add finalizer`, `write status: ready`,
 * `remove finalizer`). What it throws ends the run as the step would.
 */
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

/** What may end a run early. The first reason counts. */
export interface RunAbort {
  /** For everything but a critical step. */
  readonly signal: AbortSignal
  /** For a critical step: lost lease, or the end of the grace. */
  readonly critical: AbortSignal
  /** Lets a critical step end first. */
  end(why: AbortReason): void
  /** Ends a critical step too. */
  kill(why: AbortReason): void
}

export function createRunAbort(): RunAbort {
  const gentle = new AbortController()
  const hard = new AbortController()
  const end = (why: AbortReason): void => gentle.abort(gentle.signal.reason ?? new RunAborted(why))
  return {
    signal: gentle.signal,
    critical: hard.signal,
    end,
    kill(why) {
      end(why)
      hard.abort(new RunAborted(why))
    },
  }
}

export interface StepperOptions {
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly abort: RunAbort
  readonly slot: Slot
  readonly timedOut: FailureWords
  readonly onStep: OnStep | undefined
}

/** The worker of one run. */
export interface Slot {
  held: boolean
  /** Time that the run has spent parked: no sign of load. */
  parkedMs: number
  readonly slots: Slots
}

export type StepMode = 'step' | 'park' | 'critical'

const stepDeadlineMs = 60_000

/** Runs one named step under its signal, deadline and span. */
export async function runStep<T>(stepper: StepperOptions, mode: StepMode, step: NamedStep<T>): Promise<T | Stop> {
  const { abort, onStep, telemetry } = stepper
  abort.signal.throwIfAborted() // a stage does not begin in a run that is over
  await onStep?.(step.name, 'begin')
  abort.signal.throwIfAborted()
  const ended = await telemetry.span(step.name, {}, () => (mode === 'park' ? runParked(stepper, step) : runBounded(stepper, mode, step)))
  await onStep?.(step.name, 'end')
  return ended
}

export interface NamedStep<T> {
  readonly name: string
  readonly run: StepBody<T>
  readonly options: StepOptions
}

async function runParked<T>(stepper: StepperOptions, step: NamedStep<T>): Promise<T | Stop> {
  const { slot, abort, clock } = stepper
  slot.held = false
  slot.slots.give()
  const sinceMs = clock.monotonicMs()
  const ended = await runBounded(stepper, 'park', step)
  await slot.slots.take(abort.signal)
  slot.held = true
  slot.parkedMs += clock.monotonicMs() - sinceMs
  return ended
}

async function runBounded<T>({ clock, abort, timedOut }: StepperOptions, mode: StepMode, { name, run, options }: NamedStep<T>): Promise<T | Stop> {
  const outer = mode === 'critical' ? abort.critical : abort.signal
  const deadlineMs = options.deadlineMs ?? (mode === 'step' ? stepDeadlineMs : undefined)
  const bound = bindSignal(clock, outer, deadlineMs)
  try {
    const value = await run(bound.signal)
    if (isStop(value)) outer.throwIfAborted() // the abort speaks, not what a step made of it
    return value
  } catch (error) {
    outer.throwIfAborted()
    if (deadlineMs === undefined || !bound.signal.aborted) throw error
    return failing({ ...timedOut, message: `${name}: not done within ${deadlineMs / 1000}s` })
  } finally {
    bound.release()
  }
}

/** A signal that follows `outer` and aborts at the deadline. */
function bindSignal(clock: Clock, outer: AbortSignal, deadlineMs: number | undefined): { readonly signal: AbortSignal; release(): void } {
  if (deadlineMs === undefined) return { signal: outer, release: () => undefined }
  const inner = new AbortController()
  const follow = (): void => inner.abort(outer.reason)
  const timer = clock.timer(deadlineMs, () => inner.abort(new RunAborted('timeout')))
  outer.addEventListener('abort', follow, { once: true })
  if (outer.aborted) follow()
  return {
    signal: inner.signal,
    release() {
      timer.cancel()
      outer.removeEventListener('abort', follow)
    },
  }
}
