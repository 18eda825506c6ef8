import { FilesError } from './files-error.ts'

/** What becomes of an archive's entry by its type. FilesError `unsafe-entry` for types that hold content in a form we do not read. */
export function kindOfEntry(type: string | null | undefined, name: string): 'file' | 'directory' | 'skipped' {
  switch (type) {
    case 'file':
    case 'contiguous-file':
      return name.endsWith('/') ? 'directory' : 'file' // old writers mark directories so
    case 'directory':
      return 'directory'
    case 'symlink':
    case 'link':
    case 'character-device':
    case 'block-device':
    case 'fifo':
      return 'skipped'
    default:
      throw new FilesError('unsafe-entry', `entry ${show(name)} has an unknown type`, { path: name })
  }
}

/** The entry's path in its shortest form, `''` for the root. FilesError `escapes` or `unsafe-entry`. */
export function checkEntryName(name: string, backslash: 'refuse' | 'keep'): string {
  const refuse = (why: string): FilesError => new FilesError('unsafe-entry', `entry ${show(name)} ${why}`, { path: name })
  if (name === '') throw refuse('has no name')
  if (name.includes('\0')) throw refuse('holds a NUL byte')
  // Decoded from something that is no UTF-8: two names could become one.
  if (name.includes('\uFFFD')) throw refuse('is not UTF-8')
  if (backslash === 'refuse' && name.includes('\\')) throw refuse('holds a backslash')
  if (name.startsWith('/')) throw new FilesError('escapes', `entry ${show(name)} is absolute`, { path: name })
  const parts = name.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.includes('..')) throw new FilesError('escapes', `entry ${show(name)} leads out of the archive`, { path: name })
  if (parts.some((part) => Buffer.byteLength(part) > 255)) throw refuse('is too long')
  return parts.join('/')
}

export function depthOf(path: string): number {
  return path === '' ? 0 : path.split('/').length
}

/** A name from a stranger, made printable and short. */
function show(name: string): string {
  return JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}…` : name)
}
