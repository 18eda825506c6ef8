import type { Cache, Kube, KubeObject } from '@weir/shared/kube'
import { decodeStored, type Decoded, type Stored } from '../controller.ts'

/** Who asked for what, in order. */
export interface Call {
  readonly verb: 'get' | 'create' | 'patch'
  readonly name: string
  readonly subresource?: string
  readonly manager?: string
  readonly body?: unknown
}

/** An API server's worth of one kind, for what a real one cannot be told to do on a fake clock: outages, races, minutes. */
export interface MemoryCluster<O> {
  readonly kube: Kube
  readonly cache: Cache<Stored<O>>
  readonly calls: readonly Call[]
  /** As a person with kubectl: a changed spec moves the generation; the watch tells the cache. */
  edit(name: string, change: (object: KubeObject) => KubeObject): void
  /** Removes it at once, or marks it while it has finalizers. */
  remove(name: string): void
  object(name: string): KubeObject | undefined
  /** Called before each call; what it throws is the answer. */
  before: ((call: Call) => void | Promise<void>) | undefined
}

type Plain = Readonly<Record<string, unknown>>

export function createMemoryCluster<O>(decode: (object: unknown) => Decoded<O>, conflict: () => Error): MemoryCluster<O> {
  const objects = new Map<string, KubeObject>()
  const cache = createMemoryCache(decode)
  const calls: Call[] = []
  const counter = { version: 0 }

  function store(object: KubeObject): KubeObject {
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(++counter.version) } }
    const { name, deletionTimestamp, finalizers = [] } = stored.metadata
    const gone = deletionTimestamp !== undefined && finalizers.length === 0
    if (gone) objects.delete(name)
    else objects.set(name, stored)
    queueMicrotask(() => (gone ? cache.forget(name) : cache.upsert(stored))) // the watch
    return stored
  }

  const cluster: MemoryCluster<O> = {
    calls,
    before: undefined,
    cache: cache as unknown as Cache<Stored<O>>,
    kube: createMemoryKube({ objects, store, conflict, call }) as unknown as Kube,
    object: (name) => objects.get(name),
    edit(name, change) {
      const old = objects.get(name)
      const next = change(old ?? newObject(name, `uid-${++counter.version}`))
      const moved = old === undefined || JSON.stringify(specOf(old)) !== JSON.stringify(specOf(next))
      store({ ...next, metadata: { ...next.metadata, generation: (next.metadata.generation ?? 0) + (moved ? 1 : 0) } })
    },
    remove(name) {
      const old = objects.get(name)
      if (old) store({ ...old, metadata: { ...old.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } })
    },
  }

  async function call(made: Call): Promise<void> {
    calls.push(made)
    await cluster.before?.(made)
  }
  return cluster
}

interface Store {
  readonly objects: ReadonlyMap<string, KubeObject>
  store(object: KubeObject): KubeObject
  conflict(): Error
  call(made: Call): Promise<void>
}

function createMemoryKube({ objects, store, conflict, call }: Store) {
  return {
    async get(target: { name: string }) {
      await call({ verb: 'get', name: target.name })
      return objects.get(target.name)
    },
    async create(_: unknown, object: KubeObject, { manager }: { manager?: string } = {}) {
      await call({ verb: 'create', name: object.metadata.name, body: object, ...(manager ? { manager } : {}) })
      if (objects.has(object.metadata.name)) throw conflict()
      return store(object)
    },
    async patch(target: { name: string }, options: { body: Plain; subresource?: string; manager?: string; signal?: AbortSignal }) {
      const { body, subresource, manager, signal } = options
      const carryOut = async (): Promise<KubeObject> => {
        await call({ verb: 'patch', name: target.name, body, ...(subresource ? { subresource } : {}), ...(manager ? { manager } : {}) })
        const old = objects.get(target.name)
        const version = (body['metadata'] as Plain | undefined)?.['resourceVersion']
        if (old === undefined || (version !== undefined && version !== old.metadata.resourceVersion)) throw conflict()
        return store(merge(old, body) as KubeObject)
      }
      return unlessAborted(carryOut(), signal)
    },
  }
}

/** Who gives a call up does not wait for its answer; it may be carried out all the same. */
function unlessAborted<T>(calling: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return calling
  const { promise, reject } = Promise.withResolvers<never>()
  const leave = (): void => reject(signal.reason)
  signal.addEventListener('abort', leave, { once: true })
  if (signal.aborted) leave()
  return Promise.race([calling, promise]).finally(() => signal.removeEventListener('abort', leave))
}

function createMemoryCache<O>(decode: (object: unknown) => Decoded<O>) {
  const known = new Map<string, Stored<O>>()
  const listeners = new Set<(event: { type: 'added' | 'changed' | 'removed'; before?: Stored<O>; after?: Stored<O> }) => void>()
  const read = decodeStored(decode)
  function upsert(object: KubeObject): void {
    const before = known.get(object.metadata.name)
    if (before && Number(before.object.metadata.resourceVersion) >= Number(object.metadata.resourceVersion)) return
    const after = read(object)
    known.set(object.metadata.name, after)
    for (const listener of listeners) listener(before ? { type: 'changed', before, after } : { type: 'added', after })
  }
  return {
    upsert,
    get: (_: string, name: string) => known.get(name),
    list: () => [...known.values()],
    onChange: (listener: never) => void listeners.add(listener),
    synced: Promise.resolve(),
    /** An answer to a write never brings back what the watch has seen go. */
    observe: (object: KubeObject) => void (known.has(object.metadata.name) && upsert(object)),
    forget(name: string): void {
      const before = known.get(name)
      known.delete(name)
      if (before) for (const listener of listeners) listener({ type: 'removed', before })
    },
  }
}

function newObject(name: string, uid: string): KubeObject {
  return { apiVersion: 'test/v1', kind: 'Toy', metadata: { name, namespace: 'default', uid, generation: 0 }, spec: {} } as unknown as KubeObject
}

function specOf(object: KubeObject): unknown {
  return (object as unknown as Plain)['spec']
}

/** RFC 7386. */
function merge(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch
  const merged: Record<string, unknown> = typeof target === 'object' && target !== null && !Array.isArray(target) ? { ...target } : {}
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key]
    else merged[key] = merge(merged[key], value)
  }
  return merged
}
