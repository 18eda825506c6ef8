import { ArtifactError, type ArtifactErrorCode } from '@weir/shared/artifact'
import { AuthError, type AuthErrorCode } from '@weir/shared/auth'
import { GitError, type GitErrorCode } from '@weir/shared/git'
import { failing, stalled, type Stop } from '@weir/shared/runtime'

type Verdict = 'failing' | 'stalled' | 'fly'

interface Row {
  readonly verdict: Verdict
  readonly reason: string
}

const retry = (reason: string): Row => ({ verdict: 'failing', reason })
const fly: Row = { verdict: 'fly', reason: '' }

/** Sources back off after every failure: nothing here is told apart as transient. */
const gitRows: Readonly<Record<GitErrorCode, Row>> = {
  'auth-failed': retry('GitOperationFailed'),
  'host-key': retry('GitOperationFailed'),
  tls: retry('GitOperationFailed'),
  'not-found': retry('GitOperationFailed'),
  'ref-not-found': retry('GitOperationFailed'),
  empty: retry('EmptyGitRepository'),
  'invalid-url': { verdict: 'stalled', reason: 'URLInvalid' },
  'invalid-ref': { verdict: 'stalled', reason: 'GitOperationFailed' },
  unreachable: retry('GitOperationFailed'),
  redirected: retry('GitOperationFailed'),
  unsupported: retry('GitOperationFailed'),
  'unsafe-tree': retry('GitOperationFailed'),
  'too-large': retry('GitOperationFailed'),
  full: retry('GitOperationFailed'),
  'read-only': retry('GitOperationFailed'),
  timeout: retry('GitOperationFailed'),
  aborted: fly,
  failed: retry('GitOperationFailed'),
}

const authRows: Readonly<Record<AuthErrorCode, Row>> = {
  invalid: retry('AuthenticationFailed'),
  missing: retry('AuthenticationFailed'),
  provider: { verdict: 'stalled', reason: 'InvalidProviderConfiguration' },
  url: { verdict: 'stalled', reason: 'URLInvalid' },
}

const storeRows: Readonly<Record<ArtifactErrorCode, Row>> = {
  'not-found': retry('ReadOperationFailed'),
  mismatch: retry('ReadOperationFailed'),
  unreachable: retry('ReadOperationFailed'),
  unsafe: retry('ArchiveOperationFailed'),
  'ignore-rules': retry('SourceIgnoreError'),
  'too-large': retry('ArchiveOperationFailed'),
  full: retry('ArchiveOperationFailed'),
  'read-only': retry('ArchiveOperationFailed'),
  'no-digest': retry('ReadOperationFailed'),
  io: retry('ArchiveOperationFailed'),
  aborted: fly,
}

/** `followsBranch`: an empty repository has a reason of its own only then (contract 2.7). */
export function gitStop(error: unknown, followsBranch: boolean): Stop {
  if (!(error instanceof GitError)) throw error
  const row = error.code === 'empty' && !followsBranch ? retry('GitOperationFailed') : gitRows[error.code]
  return toStop(row, error, { message: `failed to checkout and determine revision: ${error.message}`, blames: 'FetchFailed' })
}

export function authStop(error: unknown): Stop {
  if (!(error instanceof AuthError)) throw error
  return toStop(authRows[error.code], error, { message: error.message, blames: 'FetchFailed' })
}

export function storeStop(error: unknown): Stop {
  if (!(error instanceof ArtifactError)) throw error
  return toStop(storeRows[error.code], error, { message: error.message, blames: 'StorageOperationFailed' })
}

function toStop({ verdict, reason }: Row, error: Error, facts: { readonly message: string; readonly blames: string }): Stop {
  switch (verdict) {
    case 'failing':
      return failing({ reason, ...facts })
    case 'stalled':
      return stalled({ reason, ...facts })
    case 'fly':
      throw error
  }
}
