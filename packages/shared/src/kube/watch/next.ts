import { jitteredMs } from '@weir/shared/http'
import { longestRetryAfterMs, type KubeError } from '../kube-error.ts'

/** How one list, or one try to watch, ended. */
export type Ending =
  | { readonly kind: 'listed' }
  /** The server's own end of a watch, or our end of one that was silent. */
  | ({ readonly kind: 'ended' } & Life)
  /** A cut, an answer that is an error, or no answer. */
  | ({ readonly kind: 'broken'; readonly error: KubeError } & Life)

export interface Life {
  /** An event or bookmark came. */
  readonly progress: boolean
  /** From the server's yes to the end of the watch; undefined: it was never open. */
  readonly openMs?: number | undefined
}

/** In a row, without a watch that worked between. Counted apart, because each says something else about the server. */
export interface Failures {
  /** Watches that were opened and soon ended, without an event or bookmark: something on the way cuts them. */
  readonly cuts: number
  /** Tries that got no answer; any answer sets it back. */
  readonly unanswered: number
  /** Answers that were errors: the server is there, and asking again costs it something. */
  readonly refusals: number
}

export const noFailures: Failures = { cuts: 0, unanswered: 0, refusals: 0 }

export interface Next {
  /** Read everything again, instead of going on at the last resourceVersion. */
  readonly relist: boolean
  readonly pauseMs: number
  readonly failures: Failures
  /** Tell the sink: not a mere cut, the kind cannot be had. */
  readonly tell: boolean
}

export interface Before {
  /** It was a list that ended so. */
  readonly listing: boolean
  readonly failures: Failures
  readonly minPauseMs: number
  /** In [0, 1). */
  readonly random: number
}

/**
 * Whoever waits is blind until the watch is open again. A server that opened it is there: what cuts connections on the way (a load
 * balancer's idle limit) costs no more than 2 s. Opening at a known resourceVersion costs a server that was away one connect, and no list.
 */
const longestMs: Readonly<Record<keyof Failures, number>> = { cuts: 2_000, unanswered: 5_000, refusals: 30_000 }

/** A list again and again is dear, whatever the trouble is. */
const longestBeforeListMs = 30_000

/** A watch that was open so long worked, though nothing happened in it. */
const steadyMs = 10_000

/** After so many refusals of one resourceVersion without the word "gone" it counts as gone: a restored etcd may never reach it again. */
const refusalsThatMeanGone = 3

/** What a watch does next. */
export function decideNext(ending: Ending, { listing, failures: before, minPauseMs, random }: Before): Next {
  if (ending.kind === 'listed') return { relist: false, pauseMs: 0, failures: { ...before, unanswered: 0 }, tell: false }
  if (ending.kind === 'ended' && worked(ending)) return { relist: false, pauseMs: 0, failures: noFailures, tell: false }
  const trouble = troubleOf(ending)
  const failures = count(worked(ending) ? noFailures : before, trouble)
  const ladder = { minMs: minPauseMs, maxMs: Math.max(minPauseMs, longestMs[trouble]), random }
  if (ending.kind === 'ended') return { relist: false, pauseMs: jitteredMs(failures.cuts, ladder), failures, tell: false }
  const { error } = ending
  const relist = listing || mustRelist(error, failures.refusals)
  const ownMs = jitteredMs(failures[trouble], relist ? { ...ladder, maxMs: longestBeforeListMs } : ladder)
  const toldMs = Math.min(error.retryAfterMs ?? 0, longestRetryAfterMs)
  const isFirstGone = error.code === 'gone' && failures.refusals === 1
  return { relist, pauseMs: Math.max(isFirstGone ? 0 : ownMs, toldMs), failures, tell: isToTell(error) }
}

function worked({ progress, openMs = 0 }: Life): boolean {
  return progress || openMs >= steadyMs
}

function troubleOf(ending: Exclude<Ending, { kind: 'listed' }>): keyof Failures {
  if (ending.kind === 'ended') return 'cuts'
  const { error, openMs } = ending
  const isAnswer = error.status !== undefined || !['unreachable', 'timeout'].includes(error.code)
  if (isAnswer) return 'refusals'
  return openMs === undefined ? 'unanswered' : 'cuts'
}

function count(before: Failures, trouble: keyof Failures): Failures {
  const unanswered = trouble === 'unanswered' ? before.unanswered : 0
  return { ...before, unanswered, [trouble]: before[trouble] + 1 }
}

function mustRelist(error: KubeError, refusals: number): boolean {
  switch (error.code) {
    case 'gone':
      return true
    case 'unreachable':
    case 'throttled':
    case 'aborted':
      return false
    case 'timeout':
    case 'server':
      return error.status !== undefined && refusals >= refusalsThatMeanGone
    default:
      return true
  }
}

function isToTell(error: KubeError): boolean {
  return !['unreachable', 'timeout', 'throttled', 'server', 'gone', 'aborted'].includes(error.code)
}
