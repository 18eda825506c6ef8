import { ApplyError, type ApplyErrorCode } from '@weir/shared/apply'
import { ArtifactError, type ArtifactErrorCode } from '@weir/shared/artifact'
import { FilesError } from '@weir/shared/files'
import { KubeError } from '@weir/shared/kube'
import { KustomizeError, type KustomizeErrorCode } from '@weir/shared/kustomize'
import { failing, failingTransiently, stalled, waiting, type Stop } from '@weir/shared/runtime'
import { EncryptedError } from './build/render.ts'

/** What the failure of a room means for a Kustomization; what is no failure of a room is a bug or an abort, and flies on. */
type Row = 'retry' | 'transient' | 'wait' | 'fly'

/** `wait`: the status of the source may be older than its store; its change wakes the object. */
const artifactRows: Readonly<Record<ArtifactErrorCode, Row>> = {
  'not-found': 'wait',
  mismatch: 'wait',
  unreachable: 'transient',
  unsafe: 'retry',
  'too-large': 'retry',
  full: 'transient',
  'read-only': 'transient',
  'no-digest': 'retry',
  'ignore-rules': 'retry',
  io: 'transient',
  aborted: 'fly',
}

const buildRows: Readonly<Record<KustomizeErrorCode, Row>> = {
  'invalid-path': 'retry',
  escapes: 'retry',
  remote: 'retry',
  input: 'retry',
  missing: 'retry',
  resource: 'retry',
  deadline: 'retry',
  substitution: 'retry',
  unavailable: 'transient',
  aborted: 'fly',
}

const applyRows: Readonly<Record<ApplyErrorCode, Row>> = {
  refused: 'retry',
  'no-kind': 'retry',
  duplicate: 'retry',
  'not-current': 'retry',
  unreachable: 'transient',
}

/** Fetching and unpacking. `requeueDependencyMs` is the fallback of the source's watch. */
export function artifactStop(error: unknown, requeueDependencyMs: number): Stop {
  if (error instanceof ArtifactError) return toStop(artifactRows[error.code], { reason: 'ArtifactFailed', message: error.message }, { error, waitMs: requeueDependencyMs })
  if (error instanceof FilesError) return failingTransiently({ reason: 'ArtifactFailed', message: error.message })
  throw error
}

export function buildStop(error: unknown): Stop {
  if (error instanceof EncryptedError) return failing({ reason: 'ReconciliationFailed', message: error.message })
  if (error instanceof FilesError) return failingTransiently({ reason: 'BuildFailed', message: error.message })
  if (!(error instanceof KustomizeError)) throw error
  if (error.code === 'remote') return stalled({ reason: 'NotSupported', message: error.message })
  const reason = error.code === 'invalid-path' ? 'ArtifactFailed' : 'BuildFailed'
  return toStop(buildRows[error.code], { reason, message: error.message }, { error })
}

/** `mask` hides values of variables: even a kind or a name may be made of one. */
export function applyStop(error: unknown, mask: (text: string) => string = (text) => text): Stop {
  if (!(error instanceof ApplyError)) throw error
  // A fact about the API server and none about the objects: `runtime` tries again and keeps it out of the conditions for a minute.
  if (error.code === 'unreachable' && error.cause instanceof KubeError) throw masked(error.cause, mask(error.message))
  return toStop(applyRows[error.code], { reason: 'ReconciliationFailed', message: mask(error.message) }, { error, ...(error.retryAfterMs === undefined ? {} : { waitMs: error.retryAfterMs }) })
}

/** The same trouble in words that hide what was sent: an API server may repeat it, and after a minute they are shown. */
function masked({ code, status, reason, retryAfterMs }: KubeError, message: string): KubeError {
  return new KubeError(code, message, { ...(status !== undefined && { status }), ...(reason !== undefined && { reason }), ...(retryAfterMs !== undefined && { retryAfterMs }) })
}

function toStop(row: Row, why: { readonly reason: string; readonly message: string }, facts: { readonly error: Error; readonly waitMs?: number }): Stop {
  switch (row) {
    case 'retry':
      return failing(why)
    case 'transient':
      return failingTransiently(why, facts.waitMs)
    case 'wait':
      return waiting(why, facts.waitMs ?? 0)
    case 'fly':
      throw facts.error
  }
}
