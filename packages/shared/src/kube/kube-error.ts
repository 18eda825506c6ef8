export type KubeErrorCode =
  | 'not-found'
  /** 404 of the kind itself: no such API is served. Says nothing about objects: see Discovery.absent. */
  | 'not-served'
  | 'conflict'
  | 'already-exists'
  | 'invalid'
  | 'forbidden'
  | 'unauthorized'
  | 'throttled'
  | 'timeout'
  | 'unreachable'
  | 'server'
  /** 410: a resourceVersion or continue token that the server no longer knows. */
  | 'gone'
  | 'bad-request'
  | 'method-not-allowed'
  | 'unsupported'
  | 'too-large'
  /** A write refused by our own fence: the lease is not held. */
  | 'fenced'
  | 'aborted'
  /** The kubeconfig cannot be used. */
  | 'config'

/** One of the API Status's `details.causes`. */
export interface StatusCause {
  readonly reason?: string
  readonly field?: string
  readonly message?: string
}

/**
 * No Retry-After counts for longer: an API server under load asks for seconds, and whoever obeys an hour (a proxy in maintenance, an
 * overflow) is blind for it.
 */
export const longestRetryAfterMs = 60_000

export interface KubeErrorDetail {
  readonly status?: number
  /** The API Status's `reason`. */
  readonly reason?: string
  /** As the server asked, but at most `longestRetryAfterMs`. */
  readonly retryAfterMs?: number
  readonly causes?: readonly StatusCause[]
  readonly cause?: unknown
}

/** What the API server, or the way to it, answered. `message` names verb and object and holds the server's own words, redacted. */
export class KubeError extends Error {
  override readonly name = 'KubeError'
  readonly code: KubeErrorCode
  readonly status: number | undefined
  readonly reason: string | undefined
  readonly retryAfterMs: number | undefined
  readonly causes: readonly StatusCause[]

  constructor(code: KubeErrorCode, message: string, detail: KubeErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause })
    this.code = code
    this.status = detail.status
    this.reason = detail.reason
    this.retryAfterMs = detail.retryAfterMs
    this.causes = detail.causes ?? []
  }
}
