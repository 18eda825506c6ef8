import { randomBytes } from 'node:crypto'
import { mkdir, open, rename, rm, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { constants } from 'node:fs'
import { FilesError, filesError, isSystemError } from './files-error.ts'

/** Names of half-written files start like this, so that a purge knows them. */
export const partialPrefix = '.partial-'

export interface WriteOptions {
  /** Default 0o600. */
  readonly mode?: number
  /** Mode of missing parent directories; default 0o700. */
  readonly directoryMode?: number
  readonly signal?: AbortSignal
}

/**
 * Writes a whole file or nothing: a temporary file in the same directory, flushed, renamed over `path`, and the directory
 * flushed, so that after a crash there is the old content or the new one. FilesError `full`, `read-only`, `denied`, `aborted`, `io`;
 * what the source of the content throws passes as it is.
 */
export async function writeAtomic(
  path: string,
  content: Uint8Array | string | AsyncIterable<Uint8Array>,
  options: WriteOptions = {},
): Promise<void> {
  const directory = dirname(path)
  const attempt = `write ${basename(path)}`
  const partial = join(directory, `${partialPrefix}${randomBytes(8).toString('hex')}`)
  try {
    await mkdir(directory, { recursive: true, mode: options.directoryMode ?? 0o700 })
    await writePartial(partial, content, options)
    await rename(partial, path)
    await flushDirectory(directory)
  } catch (error) {
    await rm(partial, { force: true }).catch(() => undefined)
    if (options.signal?.aborted) throw new FilesError('aborted', `${attempt}: aborted`, { cause: error })
    throw isSystemError(error) ? filesError(error, attempt) : error
  }
}

/** Makes a rename in this directory survive a crash. */
export async function flushDirectory(directory: string): Promise<void> {
  const handle = await open(directory, constants.O_RDONLY)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function writePartial(partial: string, content: Uint8Array | string | AsyncIterable<Uint8Array>, options: WriteOptions): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
  const handle = await open(partial, flags, options.mode ?? 0o600)
  try {
    await writeAll(handle, content, options.signal)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function writeAll(handle: FileHandle, content: Uint8Array | string | AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<void> {
  if (typeof content === 'string' || content instanceof Uint8Array) {
    await handle.writeFile(content)
    return
  }
  for await (const chunk of content) {
    signal?.throwIfAborted()
    await handle.appendFile(chunk)
  }
}
