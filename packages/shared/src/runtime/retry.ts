import { KubeError } from '@weir/shared/kube'
import type { KindTable, Reconcilable } from './kind-table.ts'
import type { Outcome } from './outcome.ts'
import { RunAborted, type AbortReason } from './step.ts'

export interface Retry {
  readonly minMs: number
  readonly maxMs: number
}

/** `failures` in a row, this one included: 750 ms, doubling, at most `maxMs`. */
export function backoffMs(failures: number, { minMs, maxMs }: Retry): number {
  return Math.min(maxMs, minMs * 2 ** Math.min(Math.max(0, failures - 1), 40))
}

export interface Requeue {
  readonly outcome: Outcome
  /** In a row, this run included. */
  readonly failures: number
  readonly retry: Retry
  readonly jitterPercent: number
  /** In [0, 1). */
  readonly random: number
}

/** Milliseconds until the next planned run; undefined: nothing is planned, something has to wake the object. */
export function requeueMs<O extends Reconcilable>(table: KindTable<O>, object: O, requeue: Requeue): number | undefined {
  const { outcome, jitterPercent, random } = requeue
  switch (outcome.kind) {
    case 'ready':
      return jitter(table.intervalMs(object), jitterPercent, random)
    case 'waiting':
      return outcome.retryAfterMs
    case 'failing': {
      const fixedMs = outcome.transient ? undefined : table.retry.intervalMs?.(object)
      return Math.max(fixedMs ?? transientMs(table, object, requeue), outcome.retryAfterMs ?? 0)
    }
    case 'stalled':
      return undefined
  }
}

/** `ms` within ± percent, spread evenly. */
export function jitter(ms: number, percent: number, random: number): number {
  return Math.round(ms * (1 + ((2 * random - 1) * percent) / 100))
}

/** The backoff of a kind: no longer than it lets its objects wait. */
export function transientMs<O extends Reconcilable>(table: KindTable<O>, object: O, { failures, retry }: Pick<Requeue, 'failures' | 'retry'>): number {
  const maxMs = Math.min(retry.maxMs, table.retry.maxBackoffMs?.(object) ?? retry.maxMs)
  return backoffMs(failures, { minMs: Math.min(retry.minMs, maxMs), maxMs })
}

/** Trouble reaching the API server is no fact about an object: it is kept out of the conditions for so long. */
export const troubleGraceMs = 60_000

/** What to make of something that a run threw. */
export type Thrown =
  | { readonly kind: 'aborted'; readonly why: AbortReason }
  /** The API server is not there, or too busy, or may not be written to by us right now. */
  | { readonly kind: 'trouble'; readonly message: string; readonly retryAfterMs: number | undefined; readonly overloaded: boolean }
  /** The API server answered, and the answer was no. */
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'bug'; readonly error: unknown }

export function readThrown(error: unknown, signal: AbortSignal): Thrown {
  if (error instanceof RunAborted) return { kind: 'aborted', why: error.why }
  if (signal.aborted) return { kind: 'aborted', why: signal.reason instanceof RunAborted ? signal.reason.why : 'shutdown' }
  if (!(error instanceof KubeError)) return { kind: 'bug', error }
  switch (error.code) {
    case 'fenced': // a lease that is really lost aborts the run, and closes the queue
    case 'unreachable':
    case 'timeout':
    case 'throttled':
    case 'server':
    case 'unauthorized': // our own credentials, being rotated
      return { kind: 'trouble', message: error.message, retryAfterMs: error.retryAfterMs, overloaded: error.code === 'throttled' || error.code === 'timeout' }
    default:
      return { kind: 'refused', message: error.message }
  }
}
