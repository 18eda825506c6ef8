import type { Kind } from '@weir/shared/api'
import type { Telemetry } from '@weir/shared/telemetry'
import type { KubeConfig } from './connection/config.ts'
import type { Discovery } from './discovery/discovery.ts'
import type { KubeObject, Target } from './objects.ts'
import type { WatchHandle, WatchSink, WatchSpec } from './watch/watch.ts'

export interface CallOptions {
  readonly signal?: AbortSignal
}

export interface GetOptions extends CallOptions {
  /** Answers hold apiVersion, kind and metadata only. */
  readonly metadataOnly?: boolean
}

export interface ListOptions extends GetOptions {
  /** Absent: all namespaces. */
  readonly namespace?: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
}

export interface ListAnswer {
  readonly items: readonly KubeObject[]
  readonly resourceVersion: string
}

export interface WriteOptions extends CallOptions {
  /** Field manager. */
  readonly manager?: string
  readonly dryRun?: boolean
}

export interface ApplyOptions extends WriteOptions {
  readonly manager: string
  readonly force: boolean
}

export interface PatchOptions extends WriteOptions {
  readonly type: 'merge' | 'json'
  readonly body: unknown
  readonly subresource?: 'status'
}

export interface DeleteOptions extends CallOptions {
  /** Preconditions: KubeError 'conflict' when the live object is another one. */
  readonly uid?: string
  readonly resourceVersion?: string
  readonly propagation?: 'Background' | 'Foreground' | 'Orphan'
  readonly dryRun?: boolean
}

/**
 * The API server. Every rejection is a KubeError. A call ends after 60 s at most. Reads are tried again a few times after broken
 * connections, 429 and 5xx; a write only after 429 or when it never reached the server.
 */
export interface Kube {
  /** `https://host:port` of the API server. */
  readonly server: string
  /** Undefined: no such object. A kind that is not served is KubeError 'not-served'. */
  get(target: Target, options?: GetOptions): Promise<KubeObject | undefined>
  /** In pages of 500, consistent. */
  list(resource: Kind, options?: ListOptions): Promise<ListAnswer>
  /** In the object's own namespace. */
  create(resource: Kind, object: object, options?: WriteOptions): Promise<KubeObject>
  /** Server-side apply. A Buffer or string is sent as it is (JSON or YAML). */
  apply(target: Target, body: object | Buffer | string, options: ApplyOptions): Promise<KubeObject>
  patch(target: Target, options: PatchOptions): Promise<KubeObject>
  /** `deleted`: accepted; finalizers may keep the object for a while. A kind that is not served is KubeError 'not-served'. */
  delete(target: Target, options?: DeleteOptions): Promise<'deleted' | 'not-found'>
  /** List, then watch, until the signal or `close`. See WatchSink for what is told. */
  watch<T = KubeObject>(spec: WatchSpec<T>, sink: WatchSink<T>): WatchHandle
  readonly discovery: Discovery
  /** From now on every write is refused ('fenced') while `mayWrite` is false. A second fence is added to the first. */
  fence(mayWrite: () => boolean): void
  /** The same connections under another user agent or as another user; fences of its own. Closing it closes nothing. */
  as(view: KubeView): Kube
  close(): Promise<void>
}

export interface KubeView {
  readonly userAgent?: string
  /** Sent as Impersonate-User: `system:serviceaccount:<namespace>:<name>`. */
  readonly impersonateUser?: string
}

export interface KubeLimits {
  /** Of one call, retries included; default 60 s. */
  readonly deadlineMs: number
  /** For calls; watches have no limit. Default 64. */
  readonly connections: number
  /** Of one answer; default 256 MiB. */
  readonly maxAnswerBytes: number
  /** A watch that shows no event and no bookmark for so long is opened anew; default 90 s. */
  readonly silenceMs: number
  /** First pause after a failed list or watch; doubles up to 30 s. Default 1 s. */
  readonly watchPauseMs: number
}

export interface KubeOptions {
  readonly config: KubeConfig
  /** One a controller: `weir-kustomize-controller/0.1.0`. */
  readonly userAgent: string
  readonly telemetry: Telemetry
  readonly limits?: Partial<KubeLimits>
}

/** Connects lazily: resolves without a call. KubeError 'config' when the credentials cannot be read. */
export async function createKube(options: KubeOptions): Promise<Kube> {
  throw new Error(`kube ${options.userAgent}: not built yet`)
}
