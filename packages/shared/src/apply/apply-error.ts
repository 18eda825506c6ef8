import type { ObjectRef } from '@weir/shared/manifest'
import { changedLines } from './change.ts'
import type { Change } from './change.ts'

/**
 * - `refused`: the API server does not accept an object as it is (invalid, immutable, forbidden, its namespace missing).
 * - `no-kind`: no such kind is served.
 * - `duplicate`: two declared objects are one.
 * - `not-current`: the objects of a stage that later stages need did not become current within its bound.
 * - `unreachable`: the API server did not answer, was busy or had trouble of its own: a fact about it, not about the objects.
 */
export type ApplyErrorCode = 'refused' | 'no-kind' | 'duplicate' | 'not-current' | 'unreachable'

export interface ApplyErrorFacts {
  readonly code: ApplyErrorCode
  /** The objects that it is about; empty where it is about none. */
  readonly refs?: readonly ObjectRef[]
  readonly changes?: readonly Change[]
  readonly retryAfterMs?: number
  readonly cause?: unknown
}

/** A set that was not applied, or not to its end. The message holds no secret value and is stable between runs. */
export class ApplyError extends Error {
  override readonly name = 'ApplyError'
  readonly code: ApplyErrorCode
  readonly refs: readonly ObjectRef[]
  /** What was done before it failed: objects that are in the cluster now. */
  readonly changes: readonly Change[]
  /** From a Retry-After of the API server. */
  readonly retryAfterMs: number | undefined

  constructor(message: string, facts: ApplyErrorFacts) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause })
    this.code = facts.code
    this.refs = facts.refs ?? []
    this.changes = facts.changes ?? []
    this.retryAfterMs = facts.retryAfterMs
  }

  /** The same error after some changes were made; its message names those that changed something, a line each. */
  after(changes: readonly Change[]): ApplyError {
    const lines = changedLines(changes)
    const { code, refs, retryAfterMs, cause } = this
    const message = [this.message, ...lines].join('\n')
    return new ApplyError(message, { code, refs, changes, cause, ...(retryAfterMs !== undefined && { retryAfterMs }) })
  }
}
