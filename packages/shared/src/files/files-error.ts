/** What went wrong on disk; closed, so that callers can decide by it. */
export type FilesErrorCode =
  | 'escapes'
  | 'not-found'
  | 'full'
  | 'read-only'
  | 'too-large'
  | 'too-many'
  | 'too-deep'
  | 'unsafe-entry'
  | 'corrupt'
  | 'denied'
  | 'aborted'
  | 'io'

/** A failure of this room. `path` is as the caller or the archive named it, never a temporary path. */
export class FilesError extends Error {
  readonly code: FilesErrorCode
  readonly path: string | undefined

  constructor(code: FilesErrorCode, message: string, options: { readonly path?: string; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'FilesError'
    this.code = code
    this.path = options.path
  }
}

const codeOfErrno: Readonly<Record<string, FilesErrorCode>> = {
  ENOENT: 'not-found',
  ENOTDIR: 'not-found',
  ENOSPC: 'full',
  EDQUOT: 'full',
  EROFS: 'read-only',
  EACCES: 'denied',
  EPERM: 'denied',
  EFBIG: 'too-large',
  ENAMETOOLONG: 'unsafe-entry',
  ELOOP: 'escapes',
}

/**
 * Turns what Node threw into a FilesError that says what was attempted, without the paths of Node's own message.
 * A FilesError passes unchanged.
 */
export function filesError(cause: unknown, attempt: string): FilesError {
  if (cause instanceof FilesError) return cause
  const errno = errnoOf(cause)
  const code = codeOfErrno[errno ?? ''] ?? 'io'
  return new FilesError(code, `${attempt}: ${wordsOf(code, errno)}`, { cause })
}

/** Whether the operating system refused something: a state of the disk, and no bug. */
export function isSystemError(cause: unknown): boolean {
  return typeof cause === 'object' && cause !== null && 'syscall' in cause && errnoOf(cause) !== undefined
}

/** `ENOENT` and so on; undefined for what is no system error. */
export function errnoOf(cause: unknown): string | undefined {
  if (typeof cause !== 'object' || cause === null || !('code' in cause)) return undefined
  return typeof cause.code === 'string' ? cause.code : undefined
}

function wordsOf(code: FilesErrorCode, errno: string | undefined): string {
  switch (code) {
    case 'not-found':
      return 'not found'
    case 'full':
      return 'no space left on the disk'
    case 'read-only':
      return 'the file system is read-only'
    case 'denied':
      return 'permission denied'
    case 'too-large':
      return 'too large'
    default:
      return errno ?? 'failed'
  }
}
