import type { Kind } from '@weir/shared/api'
import type { Kube, KubeError, KubeObject } from '@weir/shared/kube'

export interface FollowOptions {
  readonly kinds: readonly Kind[]
  /** Absent: all namespaces. */
  readonly namespace?: string | undefined
  /** Absent: all of a kind. */
  readonly name?: string | undefined
  readonly signal: AbortSignal
  /** Everything that there is, once every kind was listed or is known not to be there. */
  onStart(objects: readonly KubeObject[]): void
  onChange(object: KubeObject, change: 'changed' | 'deleted'): void
  /** A kind that may not be watched. Kinds that the cluster does not have are passed over. */
  onTrouble(error: KubeError): void
}

/** Tells what there is and then what changes, of several kinds, until the signal. Resolves when it ended. */
export async function follow(kube: Pick<Kube, 'watch'>, options: FollowOptions): Promise<void> {
  const { signal } = options
  const began: KubeObject[] = []
  const state = { started: false }
  const first = options.kinds.map((kind) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    watchKind(kube, options, { kind, state, began, resolve })
    return promise
  })
  const ended = new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
  await Promise.race([Promise.all(first), ended])
  if (signal.aborted) return
  state.started = true
  options.onStart(began)
  await ended
}

interface KindWatch {
  readonly kind: Kind
  readonly state: { started: boolean }
  readonly began: KubeObject[]
  resolve(): void
}

function watchKind(kube: Pick<Kube, 'watch'>, options: FollowOptions, { kind, state, began, resolve }: KindWatch): void {
  const { namespace, name, signal } = options
  const known = new Map<string, KubeObject>()
  const told = { trouble: false }
  const upsert = (object: KubeObject): void => {
    known.set(keyOf(object), object)
    if (state.started) options.onChange(object, 'changed')
    else began.push(object)
  }
  const remove = (object: KubeObject): void => {
    if (known.delete(keyOf(object)) && state.started) options.onChange(object, 'deleted')
  }
  const sink = {
    // Also after a watch that had to begin anew: only what differs is told.
    replace(objects: readonly KubeObject[]) {
      const keys = new Set(objects.map(keyOf))
      for (const object of known.values()) if (!keys.has(keyOf(object))) remove(object)
      for (const object of objects) if (known.get(keyOf(object))?.metadata.resourceVersion !== object.metadata.resourceVersion) upsert(object)
      resolve()
    },
    upsert,
    remove,
    failed(error: KubeError) {
      if (error.code !== 'not-served' && !told.trouble) options.onTrouble(error)
      told.trouble ||= error.code !== 'not-served'
      resolve()
    },
  }
  const where = { ...(namespace !== undefined && { namespace }), ...(name !== undefined && { name }) }
  kube.watch({ resource: kind, ...where, signal }, sink).synced.catch(() => undefined) // told by `failed`, or the signal
}

function keyOf({ metadata }: KubeObject): string {
  return `${metadata.namespace}/${metadata.name}`
}
