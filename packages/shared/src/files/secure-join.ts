import { lstat, realpath } from 'node:fs/promises'
import { isAbsolute, join, relative, sep } from 'node:path'
import { errnoOf, FilesError, filesError } from './files-error.ts'

/**
 * Joins a path from outside to a directory, so that the result is inside it with every symbolic link followed.
 * The path need not exist; what exists of it must not lead out. FilesError `escapes` otherwise.
 * Says nothing about a link that is planted afterwards: writers also open with O_NOFOLLOW and O_EXCL.
 */
export async function secureJoin(root: string, path: string): Promise<string> {
  const clean = insidePath(path)
  const base = await realpath(root).catch((error: unknown) => {
    throw filesError(error, 'open directory')
  })
  const joined = join(base, clean)
  const existing = await realExisting(base, joined)
  if (!isInside(base, existing)) throw escapes(path)
  return joined
}

/**
 * The same path in its shortest form, relative and without `.` and `..` parts; `''` for the root itself.
 * FilesError `escapes` when it is absolute or leads out, `unsafe-entry` when it holds a NUL. Purely lexical.
 */
export function insidePath(path: string): string {
  if (path.includes('\0')) throw new FilesError('unsafe-entry', `path ${JSON.stringify(path)} holds a NUL byte`, { path })
  if (isAbsolute(path)) throw escapes(path)
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue
    if (part !== '..') {
      parts.push(part)
      continue
    }
    if (parts.pop() === undefined) throw escapes(path)
  }
  return parts.join('/')
}

/** Whether `path` is `root` or below it; both absolute and clean. */
export function isInside(root: string, path: string): boolean {
  const rest = relative(root, path)
  return rest === '' || (rest !== '..' && !rest.startsWith(`..${sep}`) && !isAbsolute(rest))
}

/** The real path of the longest existing part. A dangling link counts as leading out: its target cannot be judged. */
async function realExisting(base: string, path: string): Promise<string> {
  for (let candidate = path; candidate !== base; candidate = join(candidate, '..')) {
    try {
      return await realpath(candidate)
    } catch (error) {
      const errno = errnoOf(error)
      if (errno === 'ELOOP') throw escapes(relative(base, path))
      if (errno !== 'ENOENT' && errno !== 'ENOTDIR') throw filesError(error, 'resolve path')
      if (await isLink(candidate)) throw escapes(relative(base, path))
    }
  }
  return base
}

async function isLink(path: string): Promise<boolean> {
  return lstat(path).then(
    (found) => found.isSymbolicLink(),
    () => false,
  )
}

function escapes(path: string): FilesError {
  return new FilesError('escapes', `path ${JSON.stringify(path)} leads out of its directory`, { path })
}
