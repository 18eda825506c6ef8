import { FilesError, type FilesErrorCode } from '@weir/shared/files'

/** What went wrong with an artifact; closed, so that a kind's `stops.ts` can decide by it. */
export type ArtifactErrorCode =
  | 'not-found'
  | 'mismatch'
  | 'unreachable'
  | 'unsafe'
  | 'ignore-rules'
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

const codes: Readonly<Record<FilesErrorCode, ArtifactErrorCode>> = {
  escapes: 'unsafe',
  'unsafe-entry': 'unsafe',
  corrupt: 'unsafe',
  'too-large': 'too-large',
  'too-many': 'too-large',
  'too-deep': 'too-large',
  full: 'full',
  'read-only': 'read-only',
  aborted: 'aborted',
  denied: 'io',
  'not-found': 'io',
  io: 'io',
}

/** Turns a failure on disk into one of this room; anything else passes. */
export function artifactError(error: unknown, attempt: string): unknown {
  return error instanceof FilesError ? new ArtifactError(codes[error.code], `${attempt}: ${error.message}`, { cause: error }) : error
}
