import type { BuiltObject, Engine } from '@weir/shared/engine'
import type { Tree } from '@weir/shared/files'
import type { Telemetry } from '@weir/shared/telemetry'
import type { BuildSpec } from './spec.ts'

export interface BuildRequest {
  readonly tree: Tree
  readonly spec: BuildSpec
  /**
   * Who builds (`"ns/name"`). The same owner's next tree is compared with this one, and what did not change is not
   * scanned again.
   */
  readonly owner?: string
  readonly signal?: AbortSignal
}

export interface Built {
  /** Digest of all that shaped the objects: equal key, equal objects. */
  readonly key: string
  /** In the order of the build. */
  readonly objects: readonly BuiltObject[]
  /** False: no engine ran for this request; it came from the cache, or another request's build was joined. */
  readonly fresh: boolean
}

export interface BuilderOptions {
  readonly engine: Engine
  readonly telemetry: Telemetry
  /** Of built objects kept in memory. Default 32 MiB. */
  readonly budgetBytes?: number
  /** Of one build. Default 60 s. */
  readonly deadlineMs?: number
}

export interface Builder {
  /** Throws {@link KustomizeError}. Reads the tree only until it settles. */
  build(request: BuildRequest): Promise<Built>
  /** What building would be keyed by; runs no engine. Throws as `build` does. */
  keyOf(request: BuildRequest): Promise<string>
  /** Drops what is remembered for an owner that is gone. */
  forget(owner: string): void
  /** What it did since it was made, for tests and metrics. */
  counts(): BuilderCounts
}

export interface BuilderCounts {
  /** Engine builds. */
  readonly builds: number
  /** Trees scanned for a closure. */
  readonly scans: number
  /** Closures carried over from an earlier tree without a scan. */
  readonly carried: number
}

/** Builds Kustomizations out of trees; the engine runs only for what no build before has answered. */
export function createBuilder(options: BuilderOptions): Builder {
  throw new Error(`builder over ${options.engine.version}: not built yet`)
}
