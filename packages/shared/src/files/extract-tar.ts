import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { extract } from 'tar-stream'
import { checkEntryName, depthOf, kindOfEntry } from './entry-rules.ts'
import { errnoOf, FilesError, filesError } from './files-error.ts'
import { createFlatTreeWriter, type FlatTree } from './flat-tree.ts'
import { defaultTreeLimits, type TreeLimits } from './limits.ts'
import type { ExtractedTree } from './tree.ts'
import { createDirectoryWriter, type TreeWriter } from './tree-writer.ts'

export interface ExtractOptions {
  readonly limits?: Partial<TreeLimits>
  /** Default true. */
  readonly gzip?: boolean
  /** `refuse` (default, what consumers of artifacts do) or `keep`: a backslash is an ordinary byte in a Git path. */
  readonly backslash?: 'refuse' | 'keep'
  readonly signal?: AbortSignal
}

/**
 * Unpacks an archive from a stranger into an empty private directory: only regular files and directories, no entry outside,
 * no name twice, permissions cut to 0755, everything bounded after decompression. Links and devices are skipped, as Flux's
 * consumers do. FilesError `escapes`, `unsafe-entry`, `too-large`, `too-many`, `too-deep`, `corrupt`, `full`, `aborted`;
 * what was written until then stays and is the caller's to remove.
 */
export async function extractTar(source: AsyncIterable<Uint8Array>, into: string, options: ExtractOptions = {}): Promise<ExtractedTree> {
  const writer = createDirectoryWriter(into)
  await takeArchive(source, writer, options)
  return writer.finish()
}

/** The same by the same rules into one file, which must not be there; for who reads a tree and gives it to no program. */
export async function extractTarFlat(source: AsyncIterable<Uint8Array>, file: string, options: ExtractOptions = {}): Promise<FlatTree> {
  await using writer = await createFlatTreeWriter(file)
  await takeArchive(source, writer, options)
  return writer.finish()
}

async function takeArchive(source: AsyncIterable<Uint8Array>, writer: TreeWriter, options: ExtractOptions): Promise<void> {
  const limits = { ...defaultTreeLimits, ...options.limits }
  const meter = { sinceProgress: 0, total: 0 }
  const unpacking = extract()
  const feeding = feed(source, { meter, unpacking }, options)
  feeding.catch(() => undefined) // awaited below; the loop may throw first
  try {
    await takeEntries(unpacking, { writer, limits, meter, backslash: options.backslash ?? 'refuse' })
    await feeding
  } catch (error) {
    unpacking.destroy()
    const cause: unknown = error instanceof FilesError ? error : await feeding.then(() => error, (fed: unknown) => fed)
    throw extractError(cause, options.signal)
  }
  if (meter.total < tarBlockBytes) throw new FilesError('corrupt', 'the archive is empty')
}

const tarBlockBytes = 512

/** Headers of one entry, long names and padding included, never come near this; a bomb of headers does. */
const maxHeaderBytes = 4 << 20

interface Meter {
  /** Bytes given to the parser since it last gave something back: what it holds in memory. */
  sinceProgress: number
  total: number
}

type Unpacking = ReturnType<typeof extract>
type Entry = Unpacking extends AsyncIterable<infer E> ? E : never

async function feed(source: AsyncIterable<Uint8Array>, { meter, unpacking }: { readonly meter: Meter; readonly unpacking: Unpacking }, options: ExtractOptions): Promise<void> {
  const measured = async function* (chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      meter.total += chunk.byteLength
      meter.sinceProgress += chunk.byteLength
      if (meter.sinceProgress > maxHeaderBytes) throw new FilesError('too-large', 'the archive has an oversized header')
      yield chunk
    }
  }
  const abort = options.signal ? { signal: options.signal } : {}
  const input = Readable.from(source, { objectMode: false })
  if (options.gzip === false) return pipeline(input, measured, unpacking, abort)
  return pipeline(input, createGunzip({ chunkSize: 1 << 16 }), measured, unpacking, abort)
}

interface EntryContext {
  readonly writer: TreeWriter
  readonly limits: TreeLimits
  readonly meter: Meter
  readonly backslash: 'refuse' | 'keep'
}

async function takeEntries(entries: AsyncIterable<Entry>, context: EntryContext): Promise<void> {
  const { limits, meter } = context
  const seen = { entries: 0, bytes: 0 }
  for await (const entry of entries) {
    meter.sinceProgress = 0
    seen.entries += 1
    if (seen.entries > limits.maxEntries) throw new FilesError('too-many', `the archive has more than ${limits.maxEntries} entries`)
    const body = bounded(entry, context, seen)
    await takeEntry(entry, body, context)
    // The parser hands out small entries without leaving the microtask queue: let the rest of the process run.
    if (seen.entries % 64 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
}

async function takeEntry(entry: Entry, body: AsyncIterable<Buffer>, context: EntryContext): Promise<void> {
  const { name, type, mode } = entry.header
  switch (kindOfEntry(type, name)) {
    case 'skipped':
      return drain(body)
    case 'directory':
      context.writer.addDirectory(checked(name, context))
      return drain(body)
    case 'file':
      return context.writer.addFile(checked(name, context), body, { mode, sizeBytes: entry.header.size ?? 0 })
  }
}

function checked(name: string, { limits, backslash }: EntryContext): string {
  const path = checkEntryName(name, backslash)
  if (depthOf(path) > limits.maxDepth) throw new FilesError('too-deep', `${JSON.stringify(path.slice(0, 200))} is deeper than ${limits.maxDepth} directories`)
  return path
}

/** The entry's bytes, counted against the limit whatever its header claims. */
async function* bounded(entry: Entry, { limits, meter }: EntryContext, seen: { bytes: number }): AsyncGenerator<Buffer> {
  const tooLarge = (): FilesError => new FilesError('too-large', `the archive unpacks to more than ${limits.maxBytes} bytes`)
  if (seen.bytes + (entry.header.size ?? 0) > limits.maxBytes) throw tooLarge()
  for await (const chunk of entry as AsyncIterable<Buffer>) {
    meter.sinceProgress = 0
    seen.bytes += chunk.byteLength
    if (seen.bytes > limits.maxBytes) throw tooLarge()
    yield chunk
  }
}

async function drain(body: AsyncIterable<Buffer>): Promise<void> {
  for await (const chunk of body) void chunk
}

function extractError(error: unknown, signal: AbortSignal | undefined): FilesError {
  if (signal?.aborted) return new FilesError('aborted', 'unpack an archive: aborted', { cause: error })
  if (error instanceof FilesError) return error
  const errno = errnoOf(error)
  if (errno === undefined || errno.startsWith('Z_') || errno.startsWith('ERR_')) {
    return new FilesError('corrupt', 'the archive is damaged or cut short', { cause: error })
  }
  return filesError(error, 'unpack an archive')
}
