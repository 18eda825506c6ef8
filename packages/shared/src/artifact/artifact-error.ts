/** What went wrong with an artifact; closed, so that a kind's `stops.ts` can decide by it. */
export type ArtifactErrorCode =
  | 'not-found'
  | 'mismatch'
  | 'unreachable'
  | 'unsafe'
  | 'too-large'
  | 'full'
  | 'read-only'
  | 'no-digest'
  | 'io'
  | 'aborted'

/** A failure of this room. `not-found`: the source is not ready (404). `mismatch`: digest or size; read the source's status again. */
export class ArtifactError extends Error {
  readonly code: ArtifactErrorCode

  constructor(code: ArtifactErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'ArtifactError'
    this.code = code
  }
}
