import type { Kind } from '@weir/shared/api'
import type { Kube } from './kube.ts'
import type { KubeError } from './kube-error.ts'
import { withoutManagedFields } from './normalise.ts'
import type { KubeObject } from './objects.ts'
import { compareResourceVersions } from './resource-version.ts'

export type CacheEvent<T> =
  | { readonly type: 'added'; readonly before?: undefined; readonly after: T }
  | { readonly type: 'changed'; readonly before: T; readonly after: T }
  | { readonly type: 'removed'; readonly before: T; readonly after?: undefined }

/** The objects of one kind, decoded, kept current by a watch. */
export interface Cache<T> {
  /** `''` for cluster-scoped objects. */
  get(namespace: string, name: string): T | undefined
  list(): T[]
  /** Returns the way to stop it. What the listener throws is a bug: the watch logs it and lists again; `observe` passes it on. */
  onChange(listener: (event: CacheEvent<T>) => void): () => void
  /** Resolves at the first full list; rejects with KubeError 'aborted' if the cache ends before. */
  readonly synced: Promise<void>
  /** Reads our own writes: the answer of a write replaces what is known if its resourceVersion is higher. Never resurrects what the watch saw go. */
  observe(object: KubeObject): void
  /** Whether everything up to this resourceVersion has been seen. */
  reached(resourceVersion: string): boolean
  /** A list, event or bookmark was seen within the last 90 s. */
  fresh(): boolean
  /** What last kept the kind from being listed or watched; undefined once it is. */
  trouble(): KubeError | undefined
}

export interface CacheOptions<T> {
  readonly kube: Pick<Kube, 'watch'>
  readonly kind: Kind
  readonly namespace?: string
  readonly labelSelector?: string
  readonly metadataOnly?: boolean
  /** Given the object without managedFields, once per version of it. Must not throw: one poisonous object would stop the others. */
  readonly decode: (object: KubeObject) => T
  readonly signal: AbortSignal
}

/** One object as it is kept. */
interface Entry<T> {
  readonly key: string
  readonly resourceVersion: string
  readonly value: T
}

/** One object as it came. It is decoded once it is known to be news: every write of our own comes a second time. */
interface Arrival {
  readonly key: string
  readonly resourceVersion: string
  readonly object: KubeObject
}

interface Store<T> {
  readonly decode: (object: KubeObject) => T
  readonly entries: Map<string, Entry<T>>
  readonly listeners: Set<(event: CacheEvent<T>) => void>
  /** How far the watch has come. */
  position: string | undefined
  trouble: KubeError | undefined
}

export function createCache<T>(options: CacheOptions<T>): Cache<T> {
  const { kube, kind, namespace, labelSelector, metadataOnly, decode, signal } = options
  const store: Store<T> = { decode, entries: new Map(), listeners: new Set(), position: undefined, trouble: undefined }
  const project = (object: KubeObject): Arrival => ({
    key: keyOf(object.metadata.namespace ?? '', object.metadata.name),
    resourceVersion: object.metadata.resourceVersion ?? '',
    object: { ...object, metadata: withoutManagedFields(object.metadata) },
  })
  const handle = kube.watch<Arrival>(
    {
      resource: kind,
      project,
      signal,
      ...(namespace !== undefined && { namespace }),
      ...(labelSelector !== undefined && { labelSelector }),
      ...(metadataOnly !== undefined && { metadataOnly }),
    },
    {
      replace: (entries, resourceVersion) => replace(store, entries, resourceVersion),
      upsert(entry, resourceVersion) {
        store.position = resourceVersion
        if (isNewer(store, entry)) put(store, entry)
      },
      remove(entry, resourceVersion) {
        store.position = resourceVersion
        const known = store.entries.get(entry.key)
        // Gone, and made anew by us meanwhile: the deletion is old news.
        const isOld = known !== undefined && compareResourceVersions(known.resourceVersion, entry.resourceVersion) > 0
        if (!isOld) drop(store, entry.key)
      },
      failed: (error) => void (store.trouble = error),
      fresh(resourceVersion) {
        store.position = resourceVersion
        store.trouble = undefined
      },
    },
  )
  return {
    get: (inside, name) => store.entries.get(keyOf(inside, name))?.value,
    list: () => Array.from(store.entries.values(), ({ value }) => value),
    onChange(listener) {
      store.listeners.add(listener)
      return () => store.listeners.delete(listener)
    },
    synced: handle.synced,
    observe(object) {
      const inside = namespace === undefined || object.metadata.namespace === namespace
      if (inside && isNews(store, object, labelSelector)) put(store, project(object))
    },
    reached: (resourceVersion) => store.position !== undefined && compareResourceVersions(store.position, resourceVersion) >= 0,
    fresh: () => handle.fresh(),
    trouble: () => store.trouble,
  }
}

function keyOf(namespace: string, name: string): string {
  return `${namespace}/${name}`
}

/**
 * Whether the answer of a write is newer than what is known. One that is not known is new only if the watch has not come so far yet:
 * what the watch has passed and does not know was deleted since. With a selector the watch alone decides who belongs.
 */
function isNews<T>(store: Store<T>, { metadata }: KubeObject, labelSelector: string | undefined): boolean {
  const { name, namespace = '', resourceVersion } = metadata
  const known = store.entries.get(keyOf(namespace, name))
  if (known) return compareResourceVersions(resourceVersion, known.resourceVersion) > 0
  if (labelSelector !== undefined || store.position === undefined) return false
  return compareResourceVersions(resourceVersion, store.position) > 0
}

function isNewer<T>({ entries }: Store<T>, { key, resourceVersion }: Arrival): boolean {
  const known = entries.get(key)
  return known === undefined || compareResourceVersions(resourceVersion, known.resourceVersion) > 0
}

function replace<T>(store: Store<T>, listed: readonly Arrival[], resourceVersion: string): void {
  // A list older than what was seen is a restored etcd: its word counts, not ours.
  const restored = store.position !== undefined && compareResourceVersions(resourceVersion, store.position) < 0
  store.position = resourceVersion
  const there = new Set(listed.map(({ key }) => key))
  for (const { key, resourceVersion: known } of store.entries.values()) {
    const written = !restored && compareResourceVersions(known, resourceVersion) > 0 // by us, after the list
    if (!there.has(key) && !written) drop(store, key)
  }
  for (const entry of listed) {
    const known = store.entries.get(entry.key)
    if (restored ? known?.resourceVersion !== entry.resourceVersion : isNewer(store, entry)) put(store, entry)
  }
}

function put<T>(store: Store<T>, { key, resourceVersion, object }: Arrival): void {
  const entry: Entry<T> = { key, resourceVersion, value: store.decode(object) }
  const before = store.entries.get(entry.key)
  store.entries.set(entry.key, entry)
  tell(store, before ? { type: 'changed', before: before.value, after: entry.value } : { type: 'added', after: entry.value })
}

function drop<T>(store: Store<T>, key: string): void {
  const before = store.entries.get(key)
  if (!store.entries.delete(key) || !before) return
  tell(store, { type: 'removed', before: before.value })
}

function tell<T>({ listeners }: Store<T>, event: CacheEvent<T>): void {
  for (const listener of listeners) listener(event)
}
