import { closeSync, constants, fstatSync, openSync, readSync, type Dirent } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { createGzip } from 'node:zlib'
import { FilesError, filesError, isSystemError } from './files-error.ts'
import { tarEnd, tarHeader, tarPadding } from './tar-header.ts'

/** Says whether a path (relative, `/`-separated) goes into the archive. Directories that are left out are still walked. */
export type Keep = (path: string, kind: 'file' | 'directory') => boolean

export interface PackOptions {
  /** Default: everything. */
  readonly keep?: Keep
  readonly signal?: AbortSignal
}

/**
 * Archives a directory as tar.gz: the same tree gives the same bytes. Walks depth first in byte order, root first; only regular
 * files and directories; no owners, no times; directories 0750, files 0600, files with any x bit 0700 (contract 2.5).
 * Compression runs off the event loop. FilesError `unsafe-entry` for a name that no consumer takes, `aborted`, `io`; what
 * `keep` throws passes as it is.
 */
export async function* packTree(directory: string, options: PackOptions = {}): AsyncGenerator<Buffer> {
  const tar = Readable.from(batches(tarChunks(directory, options)), { objectMode: false, highWaterMark: batchBytes })
  const gzip = createGzip({ level: 6, chunkSize: 1 << 16 })
  tar.on('error', (error) => gzip.destroy(error))
  tar.pipe(gzip)
  try {
    for await (const chunk of gzip as AsyncIterable<Buffer>) {
      options.signal?.throwIfAborted()
      yield chunk
    }
  } catch (error) {
    if (options.signal?.aborted) throw new FilesError('aborted', 'archive a directory: aborted', { cause: error })
    throw isSystemError(error) ? filesError(error, 'archive a directory') : error
  } finally {
    tar.destroy()
    gzip.destroy()
  }
}

const batchBytes = 256 * 1024

/** Thousands of headers in a few writes. */
async function* batches(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let held: Buffer[] = []
  let heldBytes = 0
  for await (const chunk of chunks) {
    held.push(chunk)
    heldBytes += chunk.byteLength
    if (heldBytes < batchBytes) continue
    yield Buffer.concat(held)
    held = []
    heldBytes = 0
  }
  yield Buffer.concat(held)
}

async function* tarChunks(directory: string, { keep = () => true }: PackOptions): AsyncGenerator<Buffer> {
  if (keep('', 'directory')) yield directoryHeader('.')
  yield* walk(directory, '', keep)
  yield tarEnd()
}

async function* walk(root: string, folder: string, keep: Keep): AsyncGenerator<Buffer> {
  for (const entry of await sortedEntries(join(root, folder))) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (entry.isDirectory()) {
      if (keep(path, 'directory')) yield directoryHeader(checkedName(path))
      yield* walk(root, path, keep)
    } else if (entry.isFile() && keep(path, 'file')) {
      yield* fileChunks(join(root, path), checkedName(path))
    }
  }
}

async function sortedEntries(directory: string): Promise<readonly Dirent[]> {
  const entries = await readdir(directory, { withFileTypes: true })
  return entries.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))
}

function directoryHeader(name: string): Buffer {
  return tarHeader({ name, type: 'directory', mode: 0o750, sizeBytes: 0 })
}

/** Consumers refuse these names, so the artifact would be stored and never used. */
function checkedName(path: string): string {
  const why = path.includes('\\') ? 'holds a backslash' : path.includes('\uFFFD') ? 'is not UTF-8' : undefined
  if (why !== undefined) throw new FilesError('unsafe-entry', `path ${JSON.stringify(path)} ${why}: no consumer unpacks it`, { path })
  return path
}

async function* fileChunks(absolute: string, name: string): AsyncGenerator<Buffer> {
  const file = openSync(absolute, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    const { size, mode } = fstatSync(file)
    yield tarHeader({ name, type: 'file', mode: (mode & 0o111) === 0 ? 0o600 : 0o700, sizeBytes: size })
    for (let at = 0; at < size; ) {
      const chunk = Buffer.allocUnsafe(Math.min(batchBytes, size - at))
      const read = readSync(file, chunk)
      if (read === 0) throw new FilesError('io', `file ${JSON.stringify(name)} shrank while it was read`)
      at += read
      yield chunk.subarray(0, read)
    }
    yield tarPadding(size)
  } finally {
    closeSync(file)
  }
}
