import { labels } from '@weir/shared/api'
import type { Kube, KubeObject, Resource, WatchHandle } from '@weir/shared/kube'
import { KubeError } from '@weir/shared/kube'
import { idOf, versionOf } from './facts.ts'
import type { Facts } from './facts.ts'

/** One kind that some inventory holds, and its one watch. */
export interface KindWatch {
  /** `Kind.group`. */
  readonly key: string
  readonly group: string
  readonly kind: string
  /** The version to prefer where it is served. */
  readonly version: string
  /** Undefined until it was looked up, and while the kind is not served. */
  resource: Resource | undefined
  /** What the watch was opened with; undefined while there is none. */
  opened: Resource | undefined
  /** The open watch has shown a full list. */
  listed: boolean
  /** How far this kind was seen, as a resourceVersion: by its lists, events and bookmarks, not by answers to our own writes. */
  position: number
  /** Opened with the status in it. */
  whole: boolean
  /** Set while the kind cannot be watched: objects are asked for one by one. */
  trouble: KubeError | undefined
  handle: WatchHandle | undefined
  abort: AbortController | undefined
  holders: number
  /** How many of the entries are waited for. */
  waiters: number
  /** Its first list was seen, or it is known that there will be none. */
  settled: boolean
  closing: NodeJS.Timeout | undefined
}

export interface Seen {
  readonly id: string
  readonly facts: Facts | undefined
}

/** What the watch of a kind tells. `factsFor` is called as each object is parsed; undefined: nobody holds it. */
export interface KindSink {
  factsFor(kind: KindWatch, id: string, object: KubeObject): Facts | undefined
  replaced(kind: KindWatch, seen: readonly Seen[], resourceVersion: string): void
  seen(id: string, facts: Facts): void
  gone(id: string, resourceVersion: string): void
  /** The kind has a status from now on, which its metadata alone does not tell. */
  gainedStatus(kind: KindWatch): void
  /** The kind cannot be watched, told once until it can. */
  unwatched(kind: KindWatch, error: KubeError): void
  /** The watch was opened, or ended: who waits for it may look again. */
  moved(kind: KindWatch): void
}

export function createKindWatch(at: { group: string; kind: string; version: string }, key: string): KindWatch {
  const closed = { resource: undefined, opened: undefined, listed: false, whole: false, trouble: undefined, handle: undefined, abort: undefined, closing: undefined }
  return { key, ...at, ...closed, position: 0, holders: 0, waiters: 0, settled: false }
}

/** Its objects can be believed without a read. */
export const isFresh = (kind: KindWatch): boolean => kind.trouble === undefined && kind.handle?.fresh() === true

/** Health is read from the object, not from its metadata alone. Secrets and ConfigMaps never: their bodies are not ours to read. */
export function wantsWhole(kind: KindWatch): boolean {
  const isPlain = kind.group === '' && (kind.kind === 'Secret' || kind.kind === 'ConfigMap')
  return !isPlain && kind.waiters > 0 && kind.resource?.status === true
}

/**
 * Opens the watch, or opens it again when more or less of the objects is wanted, or when the kind is served otherwise than it was.
 * Does nothing for a kind that is not served; the caller asks again when discovery changes.
 */
export async function openKind(kube: Kube, kind: KindWatch, sink: KindSink): Promise<void> {
  const resource = await lookUp(kube, kind)
  kind.resource = resource
  if (resource === undefined || kind.holders === 0) return settle(kind, sink)
  const whole = wantsWhole(kind)
  if (kind.handle !== undefined && kind.whole === whole && isServedAlike(kind.opened, resource)) return undefined
  if (kind.opened?.status === false && resource.status) sink.gainedStatus(kind)
  closeKind(kind)
  if (!isWatchable(resource)) {
    refuse(kind, new KubeError('method-not-allowed', `${kind.key} cannot be watched`), sink)
    return undefined
  }
  listen(kube, { kind, resource, whole }, sink)
  return undefined
}

export function closeKind(kind: KindWatch): void {
  kind.abort?.abort()
  kind.handle?.close()
  kind.handle = undefined
  kind.abort = undefined
  kind.opened = undefined
  kind.listed = false
}

const isWatchable = ({ verbs }: Resource): boolean => verbs.includes('watch') && verbs.includes('list')

/** What was opened with the one would be opened, and read, in the same way with the other. */
function isServedAlike(opened: Resource | undefined, now: Resource): boolean {
  const isSamePath = opened?.version === now.version && opened.plural === now.plural && opened.namespaced === now.namespaced
  return isSamePath && opened.status === now.status && isWatchable(now)
}

async function lookUp(kube: Kube, { group, kind, version }: KindWatch): Promise<Resource | undefined> {
  try {
    return (await kube.discovery.resource({ group, kind, version })) ?? (await kube.discovery.resource({ group, kind }))
  } catch (error) {
    if (error instanceof KubeError) return undefined // discovery itself is in trouble: it tells when it works, or has changed
    throw error
  }
}

function listen(kube: Kube, { kind, resource, whole }: { kind: KindWatch; resource: Resource; whole: boolean }, sink: KindSink): void {
  const abort = new AbortController()
  const read = (object: KubeObject): Seen => {
    const id = idOf(object, kind)
    return { id, facts: sink.factsFor(kind, id, object) }
  }
  const isCurrent = (): boolean => kind.abort === abort
  kind.abort = abort
  kind.opened = resource
  kind.whole = whole
  kind.handle = kube.watch<Seen>(
    { resource, labelSelector: labels.ownerName, metadataOnly: !whole, managedFields: true, project: read, signal: abort.signal },
    {
      replace(objects, resourceVersion) {
        if (!isCurrent()) return
        kind.trouble = undefined
        kind.listed = true
        sink.replaced(kind, objects, resourceVersion)
        kind.position = versionOf(resourceVersion)
        settle(kind, sink)
      },
      upsert({ id, facts }) {
        if (isCurrent() && facts !== undefined) sink.seen(id, facts)
      },
      remove({ id }, resourceVersion) {
        if (isCurrent()) sink.gone(id, resourceVersion)
      },
      failed(error) {
        if (!isCurrent()) return
        refuse(kind, error, sink)
        // The version may have gone and no definition with it, as in an upgrade of the API server. A look that fails is repeated with the list.
        if (error.code === 'not-served') kube.discovery.refresh().catch(() => undefined)
      },
      fresh(resourceVersion) {
        if (isCurrent()) kind.position = Math.max(kind.position, versionOf(resourceVersion))
      },
    },
  )
  // Whoever needs the first list hears of it through `moved`; a watch that ends before has nobody waiting.
  kind.handle.synced.catch(() => undefined)
}

function refuse(kind: KindWatch, error: KubeError, sink: KindSink): void {
  const isNew = kind.trouble === undefined
  kind.trouble = error
  if (isNew) sink.unwatched(kind, error)
  settle(kind, sink)
}

function settle(kind: KindWatch, sink: KindSink): void {
  kind.settled = true
  sink.moved(kind)
}
