import type { Engine } from '@weir/shared/engine'
import type { Tree } from '@weir/shared/files'
import type { Telemetry } from '@weir/shared/telemetry'
import { scanClosure } from './closure/closure.ts'
import type { Closure } from './closure/closure.ts'
import { buildKey, footprintDigest, scopeOf } from './keys.ts'
import { createFootprintMemory } from './memory.ts'
import type { KnownFootprint } from './memory.ts'
import { createObjectCache, hasTexts, keep, type KeptBuild } from './object-cache.ts'
import { createSharedWork } from './shared-work.ts'
import type { BuildSpec } from './spec.ts'
import { toldToUsers } from './told.ts'
import { readTree } from './tree-index.ts'
import { makeView } from './view.ts'

export interface BuildRequest {
  readonly tree: Tree
  readonly spec: BuildSpec
  /**
   * Who builds (`"ns/name"`). The same owner's next tree is compared with this one, and what did not change is not
   * scanned again.
   */
  readonly owner?: string | undefined
  /** Whether the objects are wanted as YAML as well. A build that was kept without is run again, once. */
  readonly texts?: boolean
  readonly signal?: AbortSignal | undefined
}

export interface Built extends KeptBuild {
  /** Digest of all that shaped the objects: equal key, equal objects. */
  readonly key: string
  /** False: no engine ran for this request; it came from the cache, or another request's build was joined. */
  readonly fresh: boolean
}

export interface BuilderOptions {
  readonly engine: Engine
  readonly telemetry: Telemetry
  /** Of built objects kept in memory, of each owner its last two builds. Default 32 MiB. */
  readonly budgetBytes?: number
  /** Of one build. Default 60 s. */
  readonly deadlineMs?: number
}

export interface Builder {
  /** Throws {@link KustomizeError}. The tree is not read after it settles, unless another request joined this build. */
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
  /** Scans for a closure. */
  readonly scans: number
  /** Closures carried over from an earlier tree without a scan. */
  readonly carried: number
}

/** Of what a request needs, that which this process does not know yet. */
interface Prepared {
  readonly key: string
  /** Present where the scan was made just now. */
  readonly closure: Closure | undefined
}

/** Builds Kustomizations out of trees; the engine runs only for what no build before has answered. */
export function createBuilder(options: BuilderOptions): Builder {
  const { engine, telemetry, budgetBytes = 32 * 1024 * 1024, deadlineMs = 60_000 } = options
  const memory = createFootprintMemory()
  const cache = createObjectCache(budgetBytes)
  const work = createSharedWork<KeptBuild>()
  const outcomes = telemetry.metrics.counter('weir_kustomize_builds_total', 'Builds asked for, by where the objects came from.', ['from'])
  const counted = { builds: 0, scans: 0 }

  const scan = (tree: Tree, spec: BuildSpec): Promise<Closure> => {
    counted.scans += 1
    return scanClosure(readTree(tree), spec)
  }
  const prepare = async ({ tree, spec, owner }: BuildRequest): Promise<Prepared> => {
    let closure: Closure | undefined
    const scope = scopeOf(spec)
    const scanNow = async (): Promise<KnownFootprint> => {
      closure = await scan(tree, spec)
      const { files, absent, listed, whole } = closure
      const footprint = { files, absent, listed, whole }
      return { footprint, digest: footprintDigest(footprint, tree.digest) }
    }
    const { digest } = await memory.footprint({ tree, owner: owner ?? scope, scope, scan: scanNow })
    return { key: buildKey(engine.version, digest, spec), closure }
  }
  const run = (request: BuildRequest, { key, closure }: Prepared, signal: AbortSignal): Promise<KeptBuild> =>
    telemetry.span('kustomize build', { path: request.spec.path }, async () => {
      const { tree, spec, owner, texts = false } = request
      // What was carried over keeps no parsed files: they are read again for the few builds that need them.
      const known = closure ?? (await scan(tree, spec))
      const view = await makeView(known, { allFiles: () => tree.manifest.files.keys(), read: (path) => tree.read(path) })
      counted.builds += 1
      const built = keep(await toldToUsers(known, () => engine.build(view, { deadlineMs, signal })), texts)
      cache.set(key, built, owner)
      return built
    })
  const answer = async (request: BuildRequest): Promise<Built> => {
    const prepared = await prepare(request)
    const { key } = prepared
    const { owner, texts = false, signal: given } = request
    if (owner !== undefined) cache.use(owner, key)
    const kept = cache.get(key)
    if (kept !== undefined && (!texts || hasTexts(kept))) {
      outcomes.inc({ from: 'cache' })
      return { ...kept, key, fresh: false }
    }
    const { result, started } = work.join(texts ? `${key} with texts` : key, given, (signal) => run(request, prepared, signal))
    outcomes.inc({ from: started ? 'engine' : 'joined' })
    return { ...(await result), key, fresh: started }
  }

  return {
    forget(owner) {
      memory.forget(owner)
      cache.leave(owner)
    },
    counts: () => ({ ...counted, carried: memory.carried() }),
    keyOf: (request) => toldToUsers(undefined, async () => (await prepare(request)).key, request.signal),
    build: (request) => toldToUsers(undefined, () => answer(request), request.signal),
  }
}

