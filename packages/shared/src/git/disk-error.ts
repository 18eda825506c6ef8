import { FilesError, filesError, isSystemError } from '@weir/shared/files'
import { GitError, type GitErrorCode } from './git-error.ts'

/**
 * Turns a failure on our own disk, or in a tree that was unpacked there, into one of this room: it names what was attempted and
 * no path of the cache. Anything else passes.
 */
export function diskError(error: unknown, attempt: string): unknown {
  if (error instanceof FilesError) return new GitError(codes[error.code], `${attempt}: ${error.message}`, { cause: error })
  return isSystemError(error) ? diskError(filesError(error, 'use the Git cache'), attempt) : error
}

const codes: Readonly<Record<FilesError['code'], GitErrorCode>> = {
  escapes: 'unsafe-tree',
  'unsafe-entry': 'unsafe-tree',
  'too-large': 'too-large',
  'too-many': 'too-large',
  'too-deep': 'too-large',
  full: 'full',
  'read-only': 'read-only',
  aborted: 'aborted',
  corrupt: 'failed',
  denied: 'failed',
  io: 'failed',
  'not-found': 'failed',
}
