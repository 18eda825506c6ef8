import type { Kind } from '@weir/shared/api'
import type { Telemetry } from '@weir/shared/telemetry'
import type { Caller } from '../connection/connection.ts'
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

/** Called in order, never after the watch ended. One that throws is a bug: it is logged, and everything is listed again. */
export interface WatchSink<T = KubeObject> {
  /** All there is: after each list. What is not among them is gone. */
  replace(objects: readonly T[], resourceVersion: string): void
  upsert(object: T, resourceVersion: string): void
  /** The last state of an object that was deleted or left the selector. */
  remove(object: T, resourceVersion: string): void
  /** The kind cannot be listed or watched now (forbidden, not-served, method-not-allowed …); it is tried again. Not told of mere cuts. */
  failed?(error: KubeError): void
  /** A list failed in a way that may pass (nobody answers, 429, 5xx): it is tried again, and until then what is known, if anything, is old. */
  unlisted?(error: KubeError): void
  /** A sign of life: after each list, event and bookmark; nothing older than `resourceVersion` is missing. */
  fresh?(resourceVersion: string): void
}

/** One running watch. */
export interface Reflection<T> {
  readonly caller: Caller
  readonly spec: WatchSpec<T>
  readonly sink: WatchSink<T>
  readonly project: (object: KubeObject) => T
  readonly signal: AbortSignal
  readonly telemetry: Telemetry
  /** Undefined: a list is due. */
  resourceVersion: string | undefined
  /** Of the last list, event or bookmark; monotonic. */
  seenMs: number | undefined
  /** A pause was cut short by an answer to somebody else, and nothing was answered here since. */
  hurried: boolean
}

/** A sign of life. */
export function touch<T>(reflection: Reflection<T>, resourceVersion: string | undefined): void {
  reflection.seenMs = performance.now()
  if (resourceVersion !== undefined) reflection.resourceVersion = resourceVersion
  if (reflection.resourceVersion !== undefined) reflection.sink.fresh?.(reflection.resourceVersion)
}

/** What list and watch have in common. */
export function selection<T>({ resource, namespace, name, labelSelector, fieldSelector, metadataOnly, managedFields }: WatchSpec<T>) {
  const fields = [name === undefined ? undefined : `metadata.name=${name}`, fieldSelector].filter((one) => one !== undefined)
  return {
    resource,
    namespace,
    labelSelector,
    fieldSelector: fields.length === 0 ? undefined : fields.join(','),
    metadataOnly,
    managedFields: managedFields === true,
  }
}
