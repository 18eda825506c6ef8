/**
 * - `invalid-path`: `spec.path` does not exist or leaves the source
 * - `escapes`: a kustomization names an absolute path or one outside the source
 * - `remote`: a kustomization names a URL or a Git repository
 * - `input`: the files do not build; only a change helps
 * - `missing`: a kustomization names a file or directory that is not there
 * - `resource`: too much memory, too many bytes
 * - `deadline`: the build took too long
 * - `substitution`: a variable is not set, a template does not parse, a result is no YAML
 * - `unavailable`: the engine could not run; trying again helps
 * - `aborted`: the signal fired
 */
export type KustomizeErrorCode =
  | 'invalid-path'
  | 'escapes'
  | 'remote'
  | 'input'
  | 'missing'
  | 'resource'
  | 'deadline'
  | 'substitution'
  | 'unavailable'
  | 'aborted'

export interface KustomizeErrorDetails {
  /** In the user's repository. */
  readonly file?: string | undefined
  /** From 1. */
  readonly line?: number | undefined
  readonly cause?: unknown
}

/** A build that did not succeed, told in terms of the user's repository. The same failure always has the same message. */
export class KustomizeError extends Error {
  override readonly name = 'KustomizeError'
  readonly code: KustomizeErrorCode
  readonly file: string | undefined
  readonly line: number | undefined

  constructor(code: KustomizeErrorCode, message: string, details: KustomizeErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.file = details.file
    this.line = details.line
  }
}
