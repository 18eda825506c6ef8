import type { Kind } from '@weir/shared/api'
import type { Telemetry } from '@weir/shared/telemetry'
import { apply, create, get, patch, remove } from './calls.ts'
import type { KubeConfig } from './connection/config.ts'
import { createConnection, type Caller } from './connection/connection.ts'
import { createDiscovery, type Discovery } from './discovery/discovery.ts'
import { KubeError } from './kube-error.ts'
import { list } from './list.ts'
import type { KubeObject, Target } from './objects.ts'
import type { WatchSink, WatchSpec } from './watch/reflection.ts'
import { watch, type WatchHandle } from './watch/watch.ts'

export interface CallOptions {
  readonly signal?: AbortSignal
}

export interface GetOptions extends CallOptions {
  /** Ask for apiVersion, kind and metadata only: a fraction of the bytes to send and parse. */
  readonly metadataOnly?: boolean
  /** It takes or keeps a lease of this process: it goes over a connection of its own, which no other call can hold up. */
  readonly ownLease?: boolean
}

export interface ListOptions extends Omit<GetOptions, 'ownLease'> {
  /** Absent: all namespaces. */
  readonly namespace?: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
  /** As it was at this resourceVersion; after some minutes the server has forgotten: KubeError 'gone'. */
  readonly at?: string
}

export interface ListAnswer {
  readonly items: readonly KubeObject[]
  readonly resourceVersion: string
}

export interface WriteOptions extends GetOptions {
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
  /** The same connections under another user agent, as another user or for another who is throttled; fences of its own. Closing it closes nothing. */
  as(view: KubeView): Kube
  close(): Promise<void>
}

export interface KubeView {
  readonly userAgent?: string
  /** Sent as Impersonate-User: `system:serviceaccount:<namespace>:<name>`. */
  readonly impersonateUser?: string
  /** As KubeOptions.onThrottled, of this view's calls and of views made of it; in place of the outer one, which is not told of them. */
  readonly onThrottled?: () => void
}

export interface KubeLimits {
  /** Of one call, retries included; default 60 s. */
  readonly deadlineMs: number
  /**
   * For calls; watches have no limit, a lease has one of its own. Default 16: more of them keep the API server from those who carry out
   * what we write, and a fleet is ready later (docs/benchmarks.md).
   */
  readonly connections: number
  /** Of one answer; default 128 MiB. */
  readonly maxAnswerBytes: number
  /** A watch that shows no event and no bookmark for so long is opened again; default 90 s. */
  readonly silenceMs: number
  /** A watch whose headers did not come for so long is given up, and tried again as after a failed connect; default 30 s. */
  readonly watchOpenMs: number
  /** First pause after a failed list or watch; doubles up to 30 s at most (watch/next.ts). Default 1 s. */
  readonly watchPauseMs: number
}

export interface KubeOptions {
  readonly config: KubeConfig
  /** One a controller: `weir-kustomize-controller/0.1.0`. */
  readonly userAgent: string
  readonly telemetry: Telemetry
  readonly limits?: Partial<KubeLimits>
  /** Told each time a call is answered with 429, also where it is then tried again: for whoever bounds how much is asked at once. Not told of watches. */
  readonly onThrottled?: () => void
}

const defaults: KubeLimits = {
  deadlineMs: 60_000,
  connections: 16,
  maxAnswerBytes: 128 * 1024 * 1024,
  silenceMs: 90_000,
  watchOpenMs: 30_000,
  watchPauseMs: 1_000,
}

/** Connects lazily: no call is made. */
export async function createKube({ config, userAgent, telemetry, limits, onThrottled }: KubeOptions): Promise<Kube> {
  await config.credentials() // a broken configuration is told at the start
  const connection = createConnection({ config, telemetry, limits: { ...defaults, ...limits } })
  const caller = { connection, userAgent, impersonateUser: undefined, onThrottled, fences: [] }
  const stop = new AbortController()
  const shared = { stop: stop.signal, discovery: createDiscovery({ caller, stop: stop.signal }) }
  return createView(caller, {
    ...shared,
    async close() {
      stop.abort(new KubeError('aborted', 'the connection is closed'))
      await connection.close()
    },
  })
}

interface Shared {
  readonly discovery: Discovery
  /** Ends every watch. */
  readonly stop: AbortSignal
  close(): Promise<void>
}

function createView(base: Omit<Caller, 'fences'>, shared: Shared): Kube {
  const fences: (() => boolean)[] = []
  const caller: Caller = { ...base, fences }
  return {
    server: base.connection.config.server,
    discovery: shared.discovery,
    get: async (target, options = {}) => get(caller, target, options),
    list: async (resource, options = {}) => list(caller, { resource, project: (object) => object, ...options }),
    create: async (resource, object, options = {}) => create(caller, resource, { object, options }),
    apply: async (target, object, options) => apply(caller, target, { object, options }),
    patch: async (target, options) => patch(caller, target, options),
    delete: async (target, options = {}) => remove(caller, target, options),
    watch: (spec, sink) => watch(caller, { spec, sink, stop: shared.stop }),
    fence: (mayWrite) => void fences.push(mayWrite),
    as: (view) => createView({ ...base, ...view }, { ...shared, close: async () => undefined }),
    close: () => shared.close(),
  }
}
