import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { filesError, FilesError } from './files-error.ts'

/** `sha256:hex` of bytes or UTF-8 text in memory. */
export function digestOf(bytes: Uint8Array | string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

/** A digest in the making. */
export interface Digester {
  update(bytes: Uint8Array): void
  /** Once, at the end. */
  digest(): string
  /** Bytes seen so far. */
  readonly sizeBytes: number
}

export function createDigester(algorithm = 'sha256'): Digester {
  const hash: Hash = createHash(algorithm)
  const seen = { bytes: 0 }
  return {
    update(bytes) {
      seen.bytes += bytes.byteLength
      hash.update(bytes)
    },
    digest: () => `${algorithm}:${hash.digest('hex')}`,
    get sizeBytes() {
      return seen.bytes
    },
  }
}

/** A file's digest and size, read as a stream. FilesError `not-found`, `io`, `aborted`. */
export async function digestFile(
  path: string,
  options: { readonly algorithm?: string; readonly signal?: AbortSignal } = {},
): Promise<{ readonly digest: string; readonly sizeBytes: number }> {
  const digester = createDigester(options.algorithm)
  const take = async (chunks: AsyncIterable<Buffer>): Promise<void> => {
    for await (const chunk of chunks) digester.update(chunk)
  }
  try {
    await pipeline(createReadStream(path, { highWaterMark: 1 << 18 }), take, options.signal ? { signal: options.signal } : {})
  } catch (error) {
    if (options.signal?.aborted) throw new FilesError('aborted', 'digest of a file: aborted', { cause: error })
    throw filesError(error, 'digest of a file')
  }
  return { digest: digester.digest(), sizeBytes: digester.sizeBytes }
}

/** An `algorithm:hex` text taken apart; a bare hex text is sha256 (contract 2.6). undefined when it is neither. */
export function parseDigest(text: string): { readonly algorithm: string; readonly hex: string } | undefined {
  const match = /^(?:([a-z0-9]+):)?([0-9a-f]+)$/.exec(text)
  if (match === null) return undefined
  const algorithm = match[1] ?? 'sha256'
  const hex = match[2] ?? ''
  return hex.length === hexLengths[algorithm] ? { algorithm, hex } : undefined
}

const hexLengths: Readonly<Record<string, number>> = { sha1: 40, sha256: 64, sha384: 96, sha512: 128 }
