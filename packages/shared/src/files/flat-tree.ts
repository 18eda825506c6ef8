import { closeSync, openSync, readSync } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { createDigester } from './digest.ts'
import { FilesError, filesError } from './files-error.ts'
import type { ExtractedTree } from './tree.ts'
import { parentOf, type TreeWriter } from './tree-writer.ts'

/** Where a file's content lies, in bytes. */
export interface Span {
  readonly at: number
  readonly bytes: number
}

/**
 * A tree whose files lie one after the other in a single file of the disk: to make a small file costs a file system as much as
 * to write hundreds of them, and nothing that a stranger named exists as a path.
 */
export interface FlatTree extends ExtractedTree {
  /** By path, for every file. */
  readonly spans: ReadonlyMap<string, Span>
}

export interface FlatTreeWriter extends TreeWriter, AsyncDisposable {
  /** Rejects where the disk does. */
  finish(): Promise<FlatTree>
}

/** So much is collected before it is written. */
const pageBytes = 1 << 20

/** Makes the file, which must not be there. FilesError. */
export async function createFlatTreeWriter(file: string): Promise<FlatTreeWriter> {
  const handle = await open(file, 'wx', 0o600).catch((error: unknown) => {
    throw filesError(error, 'make an unpacked tree')
  })
  const page = createPage(handle)
  const files = new Map<string, string>()
  const spans = new Map<string, Span>()
  const directories = new Set<string>([''])

  const refuseFile = (path: string): void => {
    if (files.has(path)) throw new FilesError('unsafe-entry', `entry ${JSON.stringify(path)} is there twice`, { path })
  }
  const addDirectory = (path: string): void => {
    if (directories.has(path)) return
    refuseFile(path)
    addDirectory(parentOf(path))
    directories.add(path)
  }

  return {
    addDirectory,
    async addFile(path, body) {
      if (directories.has(path)) throw new FilesError('unsafe-entry', `file ${JSON.stringify(path)} has the name of a directory`, { path })
      refuseFile(path)
      addDirectory(parentOf(path))
      const at = page.writtenBytes()
      const digester = createDigester()
      for await (const chunk of body) {
        digester.update(chunk)
        await page.add(chunk)
      }
      files.set(path, digester.digest())
      spans.set(path, { at, bytes: page.writtenBytes() - at })
    },
    async finish() {
      await page.flush()
      return { files, directories, spans, sizeBytes: page.writtenBytes() }
    },
    [Symbol.asyncDispose]: () => page.close(),
  }
}

interface Page {
  add(chunk: Buffer): Promise<void>
  flush(): Promise<void>
  /** Added so far, written or not. */
  writtenBytes(): number
  close(): Promise<void>
}

function createPage(handle: FileHandle): Page {
  const state = { chunks: [] as Buffer[], waiting: 0, total: 0 }
  const flush = async (): Promise<void> => {
    const content = Buffer.concat(state.chunks)
    state.chunks = []
    state.waiting = 0
    await handle.appendFile(content).catch((error: unknown) => {
      throw filesError(error, 'write an unpacked tree')
    })
  }
  return {
    async add(chunk) {
      state.chunks.push(chunk)
      state.waiting += chunk.byteLength
      state.total += chunk.byteLength
      if (state.waiting >= pageBytes) await flush()
    },
    flush,
    writtenBytes: () => state.total,
    close: () => handle.close(),
  }
}

/** Up to here a content is read on this thread: of the thousands that a fleet's builds read, each takes microseconds so. */
const smallBytes = 256 * 1024

/** A file of a flat tree. FilesError; `corrupt` where the file on disk is shorter than it was. */
export async function readSpan(file: string, span: Span): Promise<Buffer> {
  // Of its own: a slice of Node's pool would keep 64 KiB alive for as long as a build waits with a file of some hundred bytes.
  const content = Buffer.allocUnsafeSlow(span.bytes)
  const read = span.bytes <= smallBytes ? readNow(file, content, span.at) : await readLater(file, content, span.at)
  if (read !== span.bytes) throw new FilesError('corrupt', 'an unpacked tree was cut short')
  return content
}

function readNow(file: string, into: Buffer, at: number): number {
  const descriptor = openSync(file, 'r')
  try {
    let read = 0
    while (read < into.byteLength) {
      const bytes = readSync(descriptor, into, read, into.byteLength - read, at + read)
      if (bytes === 0) break
      read += bytes
    }
    return read
  } finally {
    closeSync(descriptor)
  }
}

async function readLater(file: string, into: Buffer, at: number): Promise<number> {
  const handle = await open(file, 'r')
  try {
    let read = 0
    while (read < into.byteLength) {
      const { bytesRead } = await handle.read(into, read, into.byteLength - read, at + read)
      if (bytesRead === 0) break
      read += bytesRead
    }
    return read
  } finally {
    await handle.close()
  }
}
