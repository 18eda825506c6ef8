import { sourceKinds, type Artifact, type Kind, type SourceReference } from '@weir/shared/api'
import { createCache, KubeError, type Cache, type Kube, type KubeObject } from '@weir/shared/kube'
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
  /** Resolves when every kind that is served was listed, but for those that may not be listed. */
  readonly synced: Promise<void>
  /** Why nothing is known of a kind. */
  trouble(kind: string): string | undefined
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
const lookAgainMs = 250

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
  const lists: Promise<void>[] = []

  const open = (kind: Kind): Promise<void> => {
    const cache = openCache(options, kind)
    caches.set(kind.kind, cache)
    cache.onChange(({ before, after }) => {
      if (before && after && sameArtifact(before.artifact, after.artifact)) return
      const named = after ?? before
      if (named) for (const tell of listeners) tell(named, after)
    })
    return untilListed(options, cache)
  }

  const openServed = async (): Promise<void> => {
    const missing = sourceKinds.filter(({ kind }) => !caches.has(kind))
    const found = await Promise.all(missing.map((kind) => kube.discovery.resource(kind, options.signal)))
    const served = missing.filter((kind, at) => found[at] !== undefined && !caches.has(kind.kind))
    lists.push(...served.map(open))
    await Promise.all(lists) // discovery may have told first, so that another call opened them
  }
  kube.discovery.onChange(() => void openServed().catch(() => undefined)) // the next change of discovery tries again

  return {
    synced: untilItWorks(options, openServed),
    trouble: (kind) => caches.get(kind)?.trouble()?.message,
    get: ({ kind, namespace, name }) => caches.get(kind)?.get(namespace, name),
    onChange: (listener) => void listeners.push(listener),
    reach(name, resourceVersion) {
      const cache = caches.get(name.kind)
      if (cache === undefined || cache.reached(resourceVersion)) return Promise.resolve()
      const key = `${showSource(name)}@${resourceVersion}`
      const reaching = asked.get(key) ?? reachOnce(options, { name, cache, resourceVersion }).finally(() => asked.delete(key))
      asked.set(key, reaching)
      return reaching
    },
  }
}

/** An API server that does not answer while we start is no reason to end. */
async function untilItWorks({ sleep, signal }: SourcesOptions, work: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (signal.aborted || !(error instanceof KubeError) || error.code === 'aborted') throw error
      await sleep(lookAgainMs, signal)
    }
  }
}

/** One kind that may not be listed does not keep the others from work; trouble of any other sort passes. */
async function untilListed({ sleep, signal }: SourcesOptions, cache: Cache<Source>): Promise<void> {
  const listed = new AbortController()
  const isRefused = (): boolean => ['forbidden', 'method-not-allowed'].includes(cache.trouble()?.code ?? '')
  const untilRefused = async (): Promise<void> => {
    while (!isRefused()) await sleep(lookAgainMs, AbortSignal.any([signal, listed.signal]))
  }
  try {
    await Promise.race([cache.synced, untilRefused()])
  } finally {
    listed.abort()
  }
}

function openCache({ kube, namespace, signal }: SourcesOptions, kind: Kind): Cache<Source> {
  return createCache<Source>({ kube, kind, decode: (object) => decodeSource(kind.kind, object), signal, ...(namespace === undefined ? {} : { namespace }) })
}

interface Reaching {
  readonly name: SourceName
  readonly cache: Cache<Source>
  readonly resourceVersion: string
}

async function reachOnce({ kube, sleep, signal }: SourcesOptions, { name, cache, resourceVersion }: Reaching): Promise<void> {
  await sleep(watchGraceMs, signal)
  const resource = sourceKinds.find(({ kind }) => kind === name.kind)
  if (cache.reached(resourceVersion) || resource === undefined) return
  const object = await kube.get({ resource, namespace: name.namespace, name: name.name }, { signal })
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
