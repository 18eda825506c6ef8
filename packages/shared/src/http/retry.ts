import type { HttpError } from './http-error.ts'

export interface Attempt {
  readonly method: string
  /** Tries made so far, this one included. */
  readonly tries: number
  readonly retries: number
  /** Until the deadline. */
  readonly leftMs: number
  /** In [0, 1). */
  readonly random: number
}

/**
 * Milliseconds to pause before the next try; undefined: the failure is final. A method that may be repeated is, after a broken
 * connection or a status that passes (429, 500, 502, 503, 504); any other only when the server refused before acting (429, or 503
 * with Retry-After) or never saw the request.
 */
export function pauseMs(error: HttpError, { method, tries, retries, leftMs, random }: Attempt): number | undefined {
  if (tries > retries || !mayRepeat(error, method)) return undefined
  const pause = Math.max(jitteredMs(tries, { minMs: 250, maxMs: 10_000, random }), error.retryAfterMs ?? 0)
  return pause < leftMs ? pause : undefined
}

const repeatable: ReadonlySet<string> = new Set(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS'])
const passing: ReadonlySet<number> = new Set([429, 500, 502, 503, 504])

function mayRepeat(error: HttpError, method: string): boolean {
  switch (error.code) {
    case 'unreachable':
      return repeatable.has(method) || error.unsent
    case 'body':
      return repeatable.has(method)
    case 'status':
      return repeatable.has(method) ? passing.has(error.status ?? 0) : refusedUnread(error)
    default:
      return false
  }
}

function refusedUnread({ status, retryAfterMs: afterMs }: HttpError): boolean {
  return status === 429 || (status === 503 && afterMs !== undefined)
}

export interface Backoff {
  readonly minMs: number
  readonly maxMs: number
  /** In [0, 1). */
  readonly random: number
}

/** `minMs` doubling with each failure up to `maxMs`, spread over its upper half so that many clients do not come back at once. */
export function jitteredMs(failures: number, { minMs, maxMs, random }: Backoff): number {
  const ms = Math.min(maxMs, minMs * 2 ** Math.min(Math.max(0, failures - 1), 30))
  return Math.round(ms / 2 + (ms / 2) * random)
}

/** What forges and registries ask for ends with their rate limit's window, some hours at most. setTimeout fires at once past 24.8 days. */
const longestRetryAfterMs = 24 * 3_600_000

/** A Retry-After header: seconds or an HTTP date (RFC 9110, 10.2.3); at most a day. Undefined when absent or neither. */
export function retryAfterMs(header: string | undefined, now: Date): number | undefined {
  if (header === undefined) return undefined
  if (/^\d+$/.test(header.trim())) return Math.min(Number(header) * 1000, longestRetryAfterMs)
  const at = /^[A-Za-z]{3,9}, /.test(header) ? Date.parse(header) : Number.NaN
  return Number.isNaN(at) ? undefined : Math.min(Math.max(0, at - now.getTime()), longestRetryAfterMs)
}
