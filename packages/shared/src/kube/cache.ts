import type { Kind } from '@weir/shared/api'
import type { Kube } from './kube.ts'
import type { KubeError } from './kube-error.ts'
import type { KubeObject } from './objects.ts'

export type CacheEvent<T> =
  | { readonly type: 'added'; readonly before?: undefined; readonly after: T }
  | { readonly type: 'changed'; readonly before: T; readonly after: T }
  | { readonly type: 'removed'; readonly before: T; readonly after?: undefined }

/** The objects of one kind, decoded, kept current by a watch. */
export interface Cache<T> {
  get(namespace: string, name: string): T | undefined
  list(): T[]
  /** Returns the way to stop it. A listener that throws is a bug and is logged. */
  onChange(listener: (event: CacheEvent<T>) => void): () => void
  /** Resolves at the first full list; rejects with KubeError 'aborted' if the cache ends before. */
  readonly synced: Promise<void>
  /** Reads our own writes: the answer of a write replaces what is known if its resourceVersion is higher. Never resurrects what the watch saw go. */
  observe(object: KubeObject): void
  /** Whether everything up to this resourceVersion has been seen. */
  reached(resourceVersion: string): boolean
  fresh(): boolean
  /** The last trouble of the watch; undefined once it works. */
  trouble(): KubeError | undefined
}

export interface CacheOptions<T> {
  readonly kube: Pick<Kube, 'watch'>
  readonly kind: Kind
  readonly namespace?: string
  readonly labelSelector?: string
  readonly metadataOnly?: boolean
  /** Given the object without managedFields. Must not throw. */
  readonly decode: (object: KubeObject) => T
  readonly signal: AbortSignal
}

export function createCache<T>(options: CacheOptions<T>): Cache<T> {
  throw new Error(`cache of ${options.kind.plural}: not built yet`)
}
