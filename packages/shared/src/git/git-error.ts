/** What went wrong with a repository; closed, so that a kind's `stops.ts` can decide by it. */
export type GitErrorCode =
  | 'auth-failed'
  | 'host-key'
  | 'tls'
  | 'not-found'
  | 'ref-not-found'
  | 'empty'
  | 'invalid-url'
  | 'invalid-ref'
  | 'unreachable'
  | 'redirected'
  | 'unsupported'
  | 'unsafe-tree'
  | 'too-large'
  | 'full'
  | 'read-only'
  | 'timeout'
  | 'aborted'
  | 'failed'

/** A failure of this room. The message is redacted, free of temporary paths and the same on every try. */
export class GitError extends Error {
  readonly code: GitErrorCode

  constructor(code: GitErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'GitError'
    this.code = code
  }
}
