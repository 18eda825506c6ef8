import { jitteredMs } from '@weir/shared/http'
import type { KubeError } from '../kube-error.ts'

/** How one list, or one opened watch, ended. */
export type Ending =
  | { readonly kind: 'listed' }
  /** The server's own end of a watch, or our end of one that was silent. */
  | ({ readonly kind: 'ended' } & Life)
  /** A cut, or an answer that is an error. */
  | ({ readonly kind: 'broken'; readonly error: KubeError } & Life)

export interface Life {
  /** An event or bookmark came. */
  readonly progress: boolean
  /** From the server's yes to the end of the watch; undefined: it was never open. */
  readonly openMs?: number | undefined
}

export interface Next {
  /** Read everything again, instead of going on at the last resourceVersion. */
  readonly relist: boolean
  readonly pauseMs: number
  /** In a row, without an event or bookmark between. */
  readonly failures: number
  /** Tell the sink: not a mere cut, the kind cannot be had. */
  readonly tell: boolean
}

export interface Before {
  /** It was a list that ended so. */
  readonly listing: boolean
  readonly failures: number
  readonly minPauseMs: number
  /** In [0, 1). */
  readonly random: number
}

const maxPauseMs = 30_000

/**
 * A server that opened the watch is there, and whoever waits is blind until it is open again: what cuts connections on the way (a load
 * balancer's idle limit) costs no more than this.
 */
const maxReopenMs = 2_000

/** A watch that was open so long worked, though nothing happened in it. */
const steadyMs = 10_000

/** After so many refusals of one resourceVersion without the word "gone" it counts as gone: a restored etcd may never reach it again. */
const refusals = 3

/** What a watch does next. */
export function decideNext(ending: Ending, { listing, failures, minPauseMs, random }: Before): Next {
  if (ending.kind === 'listed') return { relist: false, pauseMs: 0, failures, tell: false }
  if (ending.kind === 'ended') {
    const quick = worked(ending) ? 0 : failures + 1
    return { relist: false, pauseMs: pauseAfter(quick, ending), failures: quick, tell: false }
  }
  const { error } = ending
  const count = worked(ending) ? 1 : failures + 1
  const relist = listing || mustRelist(error, count)
  const pauseMs = Math.max(error.code === 'gone' && count === 1 ? 0 : pauseAfter(count, relist ? undefined : ending), error.retryAfterMs ?? 0)
  return { relist, pauseMs, failures: count, tell: isToTell(error) }

  /** The end of a watch that worked is no failure. A list again and again is dear: its pause grows. */
  function pauseAfter(ends: number, life: Life | undefined): number {
    const maxMs = life?.openMs === undefined ? maxPauseMs : Math.max(minPauseMs, maxReopenMs)
    return ends === 0 ? 0 : jitteredMs(ends, { minMs: minPauseMs, maxMs, random })
  }
}

function worked({ progress, openMs = 0 }: Life): boolean {
  return progress || openMs >= steadyMs
}

function mustRelist(error: KubeError, failures: number): boolean {
  switch (error.code) {
    case 'gone':
      return true
    case 'unreachable':
    case 'throttled':
    case 'aborted':
      return false
    case 'timeout':
    case 'server':
      return error.status !== undefined && failures >= refusals
    default:
      return true
  }
}

function isToTell(error: KubeError): boolean {
  return !['unreachable', 'timeout', 'throttled', 'server', 'gone', 'aborted'].includes(error.code)
}
