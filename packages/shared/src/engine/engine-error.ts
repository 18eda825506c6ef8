/**
 * - `input`: the files do not build (syntax, patch, duplicate, kustomize panics on them); only a change helps
 * - `missing`: a file or directory that is not in the view
 * - `security`: the build asked for something it may not have
 * - `resource`: it ran out of memory, answer size or CPU
 * - `deadline`: it took too long
 * - `internal`: the engine died or answered nonsense
 * - `aborted`: our signal or `close`
 * - `unavailable`: no process could be started
 */
export type EngineErrorCode = 'input' | 'missing' | 'security' | 'resource' | 'deadline' | 'internal' | 'aborted' | 'unavailable'

export interface EngineErrorDetails {
  /** Path in the view, as the user's repository names it. */
  readonly file?: string | undefined
  /** From 1. */
  readonly line?: number | undefined
  readonly cause?: unknown
}

/** A build that did not succeed. The message names files as the view does and holds no temporary paths. */
export class EngineError extends Error {
  override readonly name = 'EngineError'
  readonly code: EngineErrorCode
  readonly file: string | undefined
  readonly line: number | undefined

  constructor(code: EngineErrorCode, message: string, details: EngineErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.file = details.file
    this.line = details.line
  }
}
