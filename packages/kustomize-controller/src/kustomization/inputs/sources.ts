import { sourceKinds, type Artifact, type Kind, type SourceReference } from '@weir/shared/api'
import { createCache, type Cache, type Kube, type KubeObject } from '@weir/shared/kube'
import { fieldAt, isFields } from '@weir/shared/manifest'

/** What this controller reads of a source. */
export interface Source {
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly resourceVersion: string
  /** undefined: nothing is stored yet. */
  readonly artifact: Artifact | undefined
}

/** Names a source; of `sourceRef` only what identifies it. */
export type SourceName = Pick<Source, 'kind' | 'namespace' | 'name'>

/** The sources of all kinds, by watch. A kind whose CRD is absent has no sources until the CRD is there. */
export interface Sources {
  /** Resolves when every kind that is served was listed. */
  readonly synced: Promise<void>
  get(name: SourceName): Source | undefined
  /** Sees to it that the source is known at this resourceVersion or later: by the watch, or by one GET shared by all who ask. */
  reach(name: SourceName, resourceVersion: string): Promise<void>
  /** Told when a source came, went, or holds another artifact. */
  onChange(listener: (name: SourceName, source: Source | undefined) => void): void
}

export interface SourcesOptions {
  readonly kube: Pick<Kube, 'watch' | 'get' | 'discovery'>
  readonly namespace: string | undefined
  readonly signal: AbortSignal
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

/** How long the watch may take to bring what an event announced. */
const watchGraceMs = 200

/** "GitRepository/namespace/name" */
export function showSource({ kind, namespace, name }: SourceName): string {
  return `${kind}/${namespace}/${name}`
}

export function nameOfSource({ kind, namespace, name }: SourceReference, ownNamespace: string): SourceName {
  return { kind, name, namespace: namespace || ownNamespace }
}

export function watchSources(options: SourcesOptions): Sources {
  const { kube } = options
  const caches = new Map<string, Cache<Source>>()
  const listeners: ((name: SourceName, source: Source | undefined) => void)[] = []
  const asked = new Map<string, Promise<void>>()

  const open = (kind: Kind): Promise<void> => {
    const cache = openCache(options, kind)
    caches.set(kind.kind, cache)
    cache.onChange(({ before, after }) => {
      if (before && after && sameArtifact(before.artifact, after.artifact)) return
      const named = after ?? before
      if (named) for (const tell of listeners) tell(named, after)
    })
    return cache.synced
  }

  const openServed = async (): Promise<void> => {
    const missing = sourceKinds.filter(({ kind }) => !caches.has(kind))
    const found = await Promise.all(missing.map((kind) => kube.discovery.resource(kind, options.signal)))
    const served = missing.filter((kind, at) => found[at] !== undefined && !caches.has(kind.kind))
    await Promise.all(served.map(open))
  }
  kube.discovery.onChange(() => void openServed().catch(() => undefined)) // the next change of discovery tries again

  return {
    synced: openServed(),
    get: ({ kind, namespace, name }) => caches.get(kind)?.get(namespace, name),
    onChange: (listener) => void listeners.push(listener),
    async reach(name, resourceVersion) {
      const cache = caches.get(name.kind)
      if (cache === undefined || cache.reached(resourceVersion)) return
      await options.sleep(watchGraceMs, options.signal)
      if (cache.reached(resourceVersion)) return
      const key = showSource(name)
      const reading = asked.get(key) ?? readOnce(options, name, cache).finally(() => asked.delete(key))
      asked.set(key, reading)
      await reading
    },
  }
}

function openCache({ kube, namespace, signal }: SourcesOptions, kind: Kind): Cache<Source> {
  return createCache<Source>({ kube, kind, decode: (object) => decodeSource(kind.kind, object), signal, ...(namespace === undefined ? {} : { namespace }) })
}

async function readOnce({ kube, signal }: SourcesOptions, { kind, namespace, name }: SourceName, cache: Cache<Source>): Promise<void> {
  const resource = sourceKinds.find((each) => each.kind === kind)
  if (resource === undefined) return
  const object = await kube.get({ resource, namespace, name }, { signal })
  if (object) cache.observe(object)
}

/** A source written by anybody: an artifact without what it takes to fetch and verify it is none. */
export function decodeSource(kind: string, object: KubeObject): Source {
  const { namespace = '', name, resourceVersion = '' } = object.metadata
  const artifact = fieldAt(object, 'status', 'artifact')
  return { kind, namespace, name, resourceVersion, artifact: isArtifact(artifact) ? artifact : undefined }
}

function isArtifact(value: unknown): value is Artifact {
  return isFields(value) && ['url', 'revision', 'digest', 'path'].every((field) => typeof value[field] === 'string')
}

/** The time counts: what was lost is stored again under the same name. */
function sameArtifact(a: Artifact | undefined, b: Artifact | undefined): boolean {
  return a?.revision === b?.revision && a?.digest === b?.digest && a?.url === b?.url && a?.lastUpdateTime === b?.lastUpdateTime
}
