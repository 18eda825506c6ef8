import { closeSync, constants, mkdirSync, openSync, writeSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { createDigester } from './digest.ts'
import { errnoOf, FilesError, filesError } from './files-error.ts'
import type { ExtractedTree } from './tree.ts'

/** Takes a tree entry by entry. */
export interface TreeWriter {
  addDirectory(path: string): void
  /** FilesError `unsafe-entry` for a name that is taken. */
  addFile(path: string, body: AsyncIterable<Buffer>, file: { readonly mode: number; readonly sizeBytes: number }): Promise<void>
}

export interface DirectoryWriter extends TreeWriter {
  finish(): ExtractedTree
}

/** Up to here a file is written in one go on this thread: thousands of small files are far faster so, and each takes microseconds. */
const smallBytes = 256 * 1024

const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW

/** Writes a tree into an empty directory and keeps account of it. */
export function createDirectoryWriter(root: string): DirectoryWriter {
  const files = new Map<string, string>()
  const directories = new Set<string>([''])
  const total = { bytes: 0 }

  const addDirectory = (path: string): void => {
    if (directories.has(path)) return
    addDirectory(parentOf(path))
    try {
      mkdirSync(join(root, path), { mode: 0o755 })
    } catch (error) {
      throw entryError(error, path)
    }
    directories.add(path)
  }

  return {
    addDirectory,
    async addFile(path, body, { mode, sizeBytes }) {
      if (path === '') throw new FilesError('unsafe-entry', 'a file has the name of the root directory', { path })
      addDirectory(parentOf(path))
      const target = { path, absolute: join(root, path), mode: (mode & 0o755) | 0o600 }
      const digest = sizeBytes <= smallBytes ? await writeSmall(target, body) : await writeLarge(target, body)
      files.set(path, digest)
      total.bytes += sizeBytes
    },
    finish: () => ({ files, directories, sizeBytes: total.bytes }),
  }
}

interface Target {
  readonly path: string
  readonly absolute: string
  readonly mode: number
}

async function writeSmall(target: Target, body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of body) chunks.push(chunk)
  const [only] = chunks
  const content = chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks)
  const digester = createDigester()
  digester.update(content)
  try {
    writeSynchronously(target, content)
  } catch (error) {
    throw entryError(error, target.path)
  }
  return digester.digest()
}

function writeSynchronously(target: Target, content: Buffer): void {
  const file = openSync(target.absolute, flags, target.mode)
  try {
    for (let at = 0; at < content.byteLength; ) at += writeSync(file, content, at)
  } finally {
    closeSync(file)
  }
}

async function writeLarge(target: Target, body: AsyncIterable<Buffer>): Promise<string> {
  const digester = createDigester()
  const handle = await open(target.absolute, flags, target.mode).catch((error: unknown) => {
    throw entryError(error, target.path)
  })
  try {
    for await (const chunk of body) {
      digester.update(chunk)
      await handle.appendFile(chunk)
    }
  } catch (error) {
    throw entryError(error, target.path)
  } finally {
    await handle.close()
  }
  return digester.digest()
}

/** `''` for what lies at the top. */
export function parentOf(path: string): string {
  const at = path.lastIndexOf('/')
  return at < 0 ? '' : path.slice(0, at)
}

/** In a directory that only we write to, an existing name can only be an earlier entry. */
function entryError(error: unknown, path: string): FilesError {
  const errno = errnoOf(error)
  if (errno === 'EEXIST' || errno === 'ENOTDIR' || errno === 'ELOOP' || errno === 'EISDIR') {
    return new FilesError('unsafe-entry', `entry ${JSON.stringify(path)} is there twice`, { path, cause: error })
  }
  return filesError(error, `write ${JSON.stringify(path)}`)
}
