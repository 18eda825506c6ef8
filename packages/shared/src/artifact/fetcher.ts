import type { Artifact } from '@weir/shared/api'
import type { Tree, TreeLimits } from '@weir/shared/files'
import type { Http } from '@weir/shared/http'
import type { Telemetry } from '@weir/shared/telemetry'

/** Artifacts of other controllers, verified and unpacked once per digest. */
export interface Fetcher {
  /**
   * The unpacked artifact, pinned until `release`. Not one byte of it is used before digest and size of the whole are
   * verified. ArtifactError with every code; a 404 is `not-found` and not tried again.
   */
  fetch(artifact: Artifact, signal: AbortSignal): Promise<Tree>
  /** Downloads since the start. */
  downloads(): number
  close(): Promise<void>
}

export interface FetcherOptions {
  readonly http: Http
  /** Belongs to one process at a time; what a dead one left is removed. */
  readonly cacheDir: string
  /** Of all unpacked trees; the least recently used go first, pinned ones never. Default 1 GiB. */
  readonly budgetBytes?: number
  /** `--http-retry`; default 9. */
  readonly retries?: number
  readonly limits?: Partial<TreeLimits>
  /** Of one compressed artifact; default 256 MiB. */
  readonly maxArtifactBytes?: number
  /** Of one download; default 60 s. */
  readonly deadlineMs?: number
  readonly telemetry: Telemetry
}

export async function createFetcher(options: FetcherOptions): Promise<Fetcher> {
  throw new Error(`artifact fetcher in ${options.cacheDir}: not built yet`)
}
