import { HttpError, jitteredMs } from '@weir/shared/http'
import type { KubeError } from '../kube-error.ts'

export interface Attempt {
  readonly write: boolean
  /** Made so far, this one included. */
  readonly tries: number
  /** Until the call's deadline. */
  readonly leftMs: number
  /** In [0, 1). */
  readonly random: number
}

/** Refusals that cost the server nothing: as often as the deadline allows. */
const throttledTries = 20
const otherTries = 5

/**
 * Milliseconds to pause before the next try; undefined: the failure is the answer. A read is repeated after everything that passes. A
 * write only when it cannot have been carried out: refused by flow control (429), or never sent. After anything else the caller looks first.
 */
export function callPauseMs(error: KubeError, { write, tries, leftMs, random }: Attempt): number | undefined {
  if (tries >= (error.code === 'throttled' ? throttledTries : otherTries) || !mayRepeat(error, write)) return undefined
  const pause = Math.max(jitteredMs(tries, { minMs: 100, maxMs: 5_000, random }), spreadMs(error.retryAfterMs, random))
  return pause < leftMs ? pause : undefined
}

function mayRepeat(error: KubeError, write: boolean): boolean {
  if (error.code === 'throttled') return true
  if (write) return error.code === 'unreachable' && error.cause instanceof HttpError && error.cause.code === 'unreachable' && error.cause.unsent
  if (error.code === 'unreachable') return !(error.cause instanceof HttpError && error.cause.code === 'tls')
  return error.code === 'server' || (error.code === 'timeout' && error.status !== undefined)
}

/** All who were told the same second do not come back in it. */
function spreadMs(afterMs: number | undefined, random: number): number {
  return afterMs === undefined ? 0 : Math.round(afterMs * (1 + random / 4))
}
