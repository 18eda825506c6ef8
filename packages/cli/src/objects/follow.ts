import type { Kind } from '@weir/shared/api'
import type { Kube, KubeError, KubeObject } from '@weir/shared/kube'

export interface FollowOptions {
  readonly kinds: readonly Kind[]
  /** Absent: all namespaces. */
  readonly namespace?: string | undefined
  /** Absent: all of a kind. */
  readonly name?: string | undefined
  readonly signal: AbortSignal
  /** Where no kind could be listed at first: `reject` with the error of the first one that failed, or (default) go on trying. */
  readonly whenNothingIsListed?: 'reject' | 'retry'
  /** Everything that there is, once every kind was listed, is known not to be there, or failed. What comes later is told by `onChange`. */
  onStart(objects: readonly KubeObject[]): void
  onChange(object: KubeObject, change: 'changed' | 'deleted'): void
  /** Once a kind: it could not be listed at first, or may not be watched. Kinds that the cluster does not have are passed over. */
  onTrouble(error: KubeError): void
}

/** Tells what there is and then what changes, of several kinds, until the signal. Resolves when it ended. KubeError: see `whenNothingIsListed`. */
export async function follow(kube: Pick<Kube, 'watch'>, options: FollowOptions): Promise<void> {
  const { signal } = options
  const ending = new AbortController()
  const state: State = { started: false, signal: AbortSignal.any([signal, ending.signal]) }
  const watches = options.kinds.map((kind) => watchKind(kube, options, { kind, state }))
  const ended = new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
  try {
    const firsts = await Promise.race([Promise.all(watches.map(({ first }) => first)), ended])
    if (signal.aborted || firsts === undefined) return
    const failure = firsts.find(isFailure)
    if (failure !== undefined && options.whenNothingIsListed === 'reject' && !firsts.includes('listed')) throw failure
    state.started = true
    for (const [at, first] of firsts.entries()) if (isFailure(first)) watches[at]?.tell(first)
    options.onStart(watches.flatMap(({ known }) => [...known.values()]))
    await ended
  } finally {
    ending.abort()
  }
}

interface State {
  started: boolean
  readonly signal: AbortSignal
}

/** How the first list of a kind went. */
type First = 'listed' | 'absent' | KubeError

function isFailure(first: First): first is KubeError {
  return typeof first !== 'string'
}

interface KindWatch {
  readonly first: Promise<First>
  readonly known: ReadonlyMap<string, KubeObject>
  tell(trouble: KubeError): void
}

function watchKind(kube: Pick<Kube, 'watch'>, options: FollowOptions, { kind, state }: { readonly kind: Kind; readonly state: State }): KindWatch {
  const { namespace, name } = options
  const known = new Map<string, KubeObject>()
  const told = { trouble: false }
  const { promise: first, resolve } = Promise.withResolvers<First>()
  const upsert = (object: KubeObject): void => {
    known.set(keyOf(object), object)
    if (state.started) options.onChange(object, 'changed')
  }
  const remove = (object: KubeObject): void => {
    if (known.delete(keyOf(object)) && state.started) options.onChange(object, 'deleted')
  }
  const tell = (error: KubeError): void => {
    if (!told.trouble) options.onTrouble(error)
    told.trouble = true
  }
  const sink = {
    // Also after a watch that had to begin again: only what differs is told.
    replace(objects: readonly KubeObject[]) {
      const keys = new Set(objects.map(keyOf))
      for (const object of known.values()) if (!keys.has(keyOf(object))) remove(object)
      for (const object of objects) if (known.get(keyOf(object))?.metadata.resourceVersion !== object.metadata.resourceVersion) upsert(object)
      resolve('listed')
    },
    upsert,
    remove,
    failed(error: KubeError) {
      resolve(error.code === 'not-served' ? 'absent' : error)
      if (state.started && error.code !== 'not-served') tell(error)
    },
    unlisted: (error: KubeError) => resolve(error),
  }
  const where = { ...(namespace !== undefined && { namespace }), ...(name !== undefined && { name }) }
  kube.watch({ resource: kind, ...where, signal: state.signal }, sink).synced.catch(() => undefined) // told by the sink, or the signal
  return { first, known, tell }
}

function keyOf({ metadata }: KubeObject): string {
  return `${metadata.namespace}/${metadata.name}`
}
