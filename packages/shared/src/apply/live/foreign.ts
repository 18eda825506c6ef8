import type { KubeError, KubeObject, Resource } from '@weir/shared/kube'
import { inventoryId } from '@weir/shared/manifest'
import type { ObjectRef } from '@weir/shared/manifest'
import { healthOf } from '../health/health.ts'
import { notFound, unknown } from '../health/verdict.ts'
import type { Health } from '../health/verdict.ts'
import type { State } from './state.ts'

/** One object that is not ours and that somebody waits for: one watch, shared by all who do. */
export interface ForeignWatch {
  readonly ref: ObjectRef
  readonly abort: AbortController
  readonly listeners: Set<() => void>
  health: Health
  /** Set while the object cannot be watched: it is asked for every few seconds. */
  trouble: KubeError | undefined
  resource: Resource | undefined
}

/** Begins to listen, or joins those who do. Call what it returns once: the watch ends with its last listener. */
export function listenForeign(state: State, ref: ObjectRef, listener: () => void): { readonly watch: ForeignWatch; leave(): void } {
  const key = inventoryId(ref)
  const watch = state.foreign.get(key) ?? openForeign(state, key, ref)
  watch.listeners.add(listener)
  return {
    watch,
    leave() {
      watch.listeners.delete(listener)
      if (watch.listeners.size > 0) return
      watch.abort.abort()
      if (state.foreign.get(key) === watch) state.foreign.delete(key)
    },
  }
}

/** One read of an object that cannot be watched. */
export async function readForeign(state: State, watch: ForeignWatch, signal: AbortSignal): Promise<void> {
  const resource = watch.resource ?? (await state.kube.discovery.resource(watch.ref, signal))
  if (resource === undefined) return show(watch, notFound)
  const object = await state.kube.get({ resource, namespace: watch.ref.namespace, name: watch.ref.name }, { signal })
  show(watch, object === undefined ? notFound : healthOf(object, state.now()))
}

function openForeign(state: State, key: string, ref: ObjectRef): ForeignWatch {
  const watch: ForeignWatch = { ref, abort: new AbortController(), listeners: new Set(), health: unknown, trouble: undefined, resource: undefined }
  state.foreign.set(key, watch)
  const look = (): void => {
    follow(state, watch).catch((error: unknown) => {
      if (!watch.abort.signal.aborted) state.telemetry.log.error('a health check cannot be followed', { object: key, error })
    })
  }
  const stop = state.kube.discovery.onChange((groups) => {
    if (watch.resource === undefined && groups.has(ref.group)) look()
  })
  watch.abort.signal.addEventListener('abort', stop, { once: true })
  look()
  return watch
}

async function follow(state: State, watch: ForeignWatch): Promise<void> {
  const { signal } = watch.abort
  const { ref } = watch
  const resource = (await state.kube.discovery.resource(ref, signal)) ?? (await state.kube.discovery.resource({ group: ref.group, kind: ref.kind }, signal))
  if (signal.aborted || watch.resource !== undefined) return
  if (resource === undefined) return show(watch, notFound)
  watch.resource = resource
  const project = (object: KubeObject): Health => healthOf(object, state.now())
  const handle = state.kube.watch<Health>(
    { resource, name: ref.name, ...(resource.namespaced && { namespace: ref.namespace }), project, signal },
    {
      replace: ([health = notFound]) => settle(watch, health),
      upsert: (health) => settle(watch, health),
      remove: () => settle(watch, notFound),
      failed(error) {
        watch.trouble = error
        show(watch, unknown)
      },
    },
  )
  handle.synced.catch(() => undefined) // it ends with the last listener
}

function settle(watch: ForeignWatch, health: Health): void {
  watch.trouble = undefined
  show(watch, health)
}

function show(watch: ForeignWatch, health: Health): void {
  watch.health = health
  for (const listener of watch.listeners) listener()
}
