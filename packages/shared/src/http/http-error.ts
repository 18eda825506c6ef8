export type HttpErrorCode =
  /** The caller's signal fired; `cause` is its reason. */
  | 'aborted'
  /** The absolute deadline passed. */
  | 'deadline'
  /** No connection, or one that broke before the answer was complete. */
  | 'unreachable'
  /** The peer's certificate, or ours, was refused. */
  | 'tls'
  | 'too-large'
  /** The answer's status is not what was accepted. */
  | 'status'
  /** A redirect that was not asked for, leads nowhere, or would leave TLS. */
  | 'redirect'
  /** The answer's body broke off or contradicts its own length. */
  | 'body'
  /** An address to listen on that does not parse, or is taken. Or a URL that is none. */
  | 'address'

export interface HttpErrorDetail {
  readonly status?: number
  /** As the peer asked, but at most a day. */
  readonly retryAfterMs?: number
  /** True only when not a byte of the request can have reached the server: a write may be tried again. */
  readonly unsent?: boolean
  /** The first bytes of an unaccepted answer, as text. Not for messages: the peer chose them. */
  readonly excerpt?: string
  readonly cause?: unknown
}

/** What went wrong between us and an HTTP peer. Messages hold no credentials and no query strings. */
export class HttpError extends Error {
  override readonly name = 'HttpError'
  readonly code: HttpErrorCode
  readonly status: number | undefined
  readonly retryAfterMs: number | undefined
  readonly unsent: boolean
  readonly excerpt: string | undefined

  constructor(code: HttpErrorCode, message: string, detail: HttpErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause })
    this.code = code
    this.status = detail.status
    this.retryAfterMs = detail.retryAfterMs
    this.unsent = detail.unsent ?? false
    this.excerpt = detail.excerpt
  }
}
