import { createReadStream } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Artifact } from '@weir/shared/api'
import { createTempRoot, digestOf, extractTarFlat, FilesError, filesError, parseDigest, readSpan, removeTree, type TempRoot, type Tree, type TreeLimits } from '@weir/shared/files'
import type { Http } from '@weir/shared/http'
import type { Telemetry } from '@weir/shared/telemetry'
import { ArtifactError, artifactError } from './artifact-error.ts'
import { download } from './download.ts'
import { createTreeCache, type TreeCache } from './tree-cache.ts'
import type { CachedTree } from './tree-shelf.ts'

/** Artifacts of other controllers, verified and unpacked once per digest. */
export interface Fetcher {
  /**
   * The unpacked artifact, pinned until `release`. Not one byte of it is used before digest and size of the whole are
   * verified. ArtifactError with every code; a 404 is `not-found` and not tried again.
   */
  fetch(artifact: Artifact, signal: AbortSignal): Promise<Tree>
  /** Downloads since the start. */
  downloads(): number
  /** Bytes of all unpacked trees. */
  cachedBytes(): number
  close(): Promise<void>
}

export interface FetcherOptions {
  readonly http: Http
  /** Belongs to one process at a time; what a dead one left is removed. */
  readonly cacheDir: string
  /** Of all unpacked trees; the least recently used go first, pinned ones never. Default 1 GiB. */
  readonly budgetBytes?: number
  /** Of all names in unpacked trees, beyond the 32 that were used last. Default 20,000 (5 MiB). */
  readonly budgetNames?: number
  /** `--http-retry`; default 9. */
  readonly retries?: number
  readonly limits?: Partial<TreeLimits>
  /** Of one compressed artifact; default 256 MiB. */
  readonly maxArtifactBytes?: number
  /** Of one download with its retries; default 60 s. */
  readonly deadlineMs?: number
  readonly telemetry: Telemetry
}

interface Workshop {
  readonly options: FetcherOptions
  readonly temp: TempRoot
  readonly trees: string
  readonly cache: TreeCache
  readonly count: { downloads: number }
}

/** Starts with an empty cache: what an earlier process unpacked is not trusted. */
export async function createFetcher(options: FetcherOptions): Promise<Fetcher> {
  const temp = await createTempRoot(join(options.cacheDir, 'temp'))
  await temp.purge()
  const trees = join(options.cacheDir, 'trees')
  await removeTree(trees)
  await mkdir(trees, { recursive: true, mode: 0o700 })
  const cache = createTreeCache({ budgetBytes: options.budgetBytes ?? 1 << 30, budgetNames: options.budgetNames ?? 20_000, evict: (tree) => rm(tree.file, { force: true }) })
  const workshop: Workshop = { options, temp, trees, cache, count: { downloads: 0 } }
  return {
    async fetch(artifact, signal) {
      const digest = digestOfArtifact(artifact)
      const cached = await cache.take(digest, { source: dirname(artifact.path), variant: artifact.url, signal, make: (making) => unpack(workshop, { artifact, digest, signal: making }) })
      if (artifact.size !== undefined && artifact.size !== cached.archiveBytes) {
        cached.release()
        throw new ArtifactError('mismatch', `artifact ${artifact.path}: size ${cached.archiveBytes} is not the ${artifact.size} of its source`)
      }
      return treeOf(cached)
    },
    downloads: () => workshop.count.downloads,
    cachedBytes: () => cache.sizeBytes(),
    async close() {
      await cache.close()
      await removeTree(trees).catch(() => undefined)
      await temp.purge().catch(() => undefined)
    },
  }
}

/** `algorithm:hex`; a bare hex is sha256 (contract 2.6). */
function digestOfArtifact({ path, digest }: Artifact): string {
  const parsed = parseDigest(digest)
  if (parsed === undefined) throw new ArtifactError('no-digest', `artifact ${path}: ${digest === '' ? 'no digest' : 'its digest cannot be read'}`)
  return `${parsed.algorithm}:${parsed.hex}`
}

interface Wanted {
  readonly artifact: Artifact
  readonly digest: string
  readonly signal: AbortSignal
}

/** Where the disk is full, what nobody uses goes and it is tried once more. */
async function unpack(workshop: Workshop, wanted: Wanted): Promise<CachedTree> {
  try {
    return await unpackOnce(workshop, wanted)
  } catch (error) {
    if (!(error instanceof ArtifactError) || error.code !== 'full' || !(await workshop.cache.empty())) throw error
    return unpackOnce(workshop, wanted)
  }
}

async function unpackOnce({ options, temp, trees, count }: Workshop, { artifact, digest, signal }: Wanted): Promise<CachedTree> {
  const attempt = `artifact ${artifact.path}`
  const dir = await temp.dir('fetch').catch((error: unknown) => {
    throw artifactError(error, attempt)
  })
  try {
    const archive = join(dir.path, 'archive')
    count.downloads += 1
    const archiveBytes = await download({ artifact, digest, file: archive, signal, options })
    const unpacked = join(dir.path, 'tree')
    const { files, directories, spans, sizeBytes } = await extractTarFlat(createReadStream(archive, { highWaterMark: 1 << 18 }), unpacked, { signal, ...(options.limits ? { limits: options.limits } : {}) })
    const file = join(trees, digest.replace(':', '-'))
    await rename(unpacked, file)
    options.telemetry.log.debug('artifact unpacked', { path: artifact.path, digest, files: files.size, sizeBytes })
    return { digest, file, spans, archiveBytes, manifest: { files, directories }, diskBytes: onDisk(sizeBytes) }
  } catch (error) {
    throw artifactError(error instanceof ArtifactError ? error : filesError(error, 'unpack'), attempt)
  } finally {
    await dir.remove()
  }
}

/** File systems give whole blocks. */
function onDisk(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / 4096)) * 4096
}

function treeOf(cached: CachedTree & { release(): void }): Tree {
  const { digest, file, spans, manifest, release } = cached
  return {
    digest,
    manifest,
    release,
    async read(path) {
      const expected = manifest.files.get(path)
      const span = spans.get(path)
      if (expected === undefined || span === undefined) throw new FilesError('not-found', `file ${JSON.stringify(path)} is not in the artifact`, { path })
      const bytes = await readSpan(file, span).catch((error: unknown) => {
        throw filesError(error, `read ${JSON.stringify(path)}`)
      })
      if (digestOf(bytes) !== expected) throw new FilesError('corrupt', `file ${JSON.stringify(path)} was changed in the cache`, { path })
      return bytes
    },
  }
}
