import type { Kind } from '@weir/shared/api'
import type { KubeError } from '../kube-error.ts'
import type { KubeObject } from '../objects.ts'

export interface WatchSpec<T = KubeObject> {
  readonly resource: Kind
  /** Absent: all namespaces. */
  readonly namespace?: string
  /** One object only. */
  readonly name?: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
  readonly metadataOnly?: boolean
  /** Keep metadata.managedFields; default false: dropped before `project`. */
  readonly managedFields?: boolean
  /** What to keep of an object, called as each is parsed: bodies of a large list are never held together. Default: the object. */
  readonly project?: (object: KubeObject) => T
  readonly signal: AbortSignal
}

/** Called in order, never after the watch ended. */
export interface WatchSink<T = KubeObject> {
  /** All there is: after each list. What is not among them is gone. */
  replace(objects: readonly T[], resourceVersion: string): void
  upsert(object: T, resourceVersion: string): void
  /** The last state of an object that was deleted or left the selector. */
  remove(object: T, resourceVersion: string): void
  /** The kind cannot be listed or watched now (forbidden, not-served, method-not-allowed …); it is tried again. Not told of mere cuts. */
  failed?(error: KubeError): void
  /** A sign of life: after each list, event and bookmark; nothing older than `resourceVersion` is missing. */
  fresh?(resourceVersion: string): void
}

export interface WatchHandle {
  /** Resolves at the first `replace`; rejects with KubeError 'aborted' if the watch ends before. */
  readonly synced: Promise<void>
  /** A list, event or bookmark was seen within the last 90 s. */
  fresh(): boolean
  close(): void
}
