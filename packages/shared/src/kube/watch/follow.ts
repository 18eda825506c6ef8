import { HttpError } from '@weir/shared/http'
import { fieldAt } from '@weir/shared/manifest'
import { metadataAccept } from '../calls.ts'
import { open } from '../connection/connection.ts'
import { collectionPath, withQuery } from '../connection/paths.ts'
import { statusError, transportError } from '../connection/status-error.ts'
import { KubeError } from '../kube-error.ts'
import { normalise } from '../normalise.ts'
import type { Ending, Life } from './next.ts'
import { readEvents, type WatchEvent } from './stream.ts'
import { selection, touch, type Reflection } from './reflection.ts'

/** The server ends a watch after about so long, each at another time. */
const lifetimeSeconds = 290

/** Opens a watch at the last resourceVersion and follows it to its end. What sink or projection throw passes through. */
export async function followOnce<T>(reflection: Reflection<T>): Promise<Ending> {
  const { caller, signal } = reflection
  const request = requestFor(reflection)
  const patience = startPatience(reflection)
  const before = reflection.seenMs
  const state: { openedMs?: number } = {}
  const life = (): Life => ({ progress: reflection.seenMs !== before, openMs: state.openedMs === undefined ? undefined : performance.now() - state.openedMs })
  try {
    const body = await open(caller, { ...request, signal: patience.signal })
    state.openedMs = performance.now()
    patience.opened()
    for await (const event of readEvents(body)) {
      if (signal.aborted) break
      take(reflection, event)
    }
    return { kind: 'ended', ...life() }
  } catch (error) {
    if (patience.isOver() && state.openedMs !== undefined) return { kind: 'ended', ...life() }
    if (patience.isOver()) return { kind: 'broken', error: noHeaders(reflection, request.what), ...life() }
    if (error instanceof KubeError) return { kind: 'broken', error, ...life() }
    if (error instanceof HttpError) return { kind: 'broken', error: transportError(error), ...life() }
    throw error
  } finally {
    patience.end()
  }
}

/** Without a status, since nobody answered: a server under load, or a connection whose other end is gone. */
function noHeaders<T>({ caller }: Reflection<T>, what: string): KubeError {
  return new KubeError('timeout', `${what}: no answer within ${caller.connection.limits.watchOpenMs / 1000} s`)
}

function requestFor<T>({ spec, resourceVersion }: Reflection<T>) {
  const { resource, namespace, labelSelector, fieldSelector, metadataOnly } = selection(spec)
  const query = {
    watch: 1,
    allowWatchBookmarks: 'true',
    resourceVersion,
    timeoutSeconds: Math.round(lifetimeSeconds * (0.9 + 0.2 * Math.random())),
    labelSelector,
    fieldSelector,
  }
  return {
    what: `watch ${resource.plural}${resource.group === '' ? '' : `.${resource.group}`}`,
    method: 'GET' as const,
    path: withQuery(collectionPath(resource, namespace), query),
    headers: metadataOnly === true ? { accept: metadataAccept } : {},
  }
}

function take<T>(reflection: Reflection<T>, event: WatchEvent): void {
  const { spec, sink, project } = reflection
  const { plural } = spec.resource
  if (event.type === 'ERROR') {
    const code = fieldAt(event.object, 'code')
    throw statusError(`watch ${plural}`, typeof code === 'number' ? code : 500, { body: event.object })
  }
  const version = event.resourceVersion ?? reflection.resourceVersion ?? ''
  if (event.type !== 'BOOKMARK') {
    const object = project(normalise(event.object, selection(spec)))
    if (event.type === 'DELETED') sink.remove(object, version)
    else sink.upsert(object, version)
  }
  touch(reflection, event.resourceVersion)
}

interface Patience {
  /** The watch's signal, or it is over. */
  readonly signal: AbortSignal
  /** The headers came: from now on events and bookmarks are what is waited for. */
  opened(): void
  isOver(): boolean
  end(): void
}

/** How long a watch may say nothing: half-open connections look like quiet ones, only the missing headers or bookmarks tell. */
function startPatience<T>(reflection: Reflection<T>): Patience {
  const { silenceMs, watchOpenMs } = reflection.caller.connection.limits
  const controller = new AbortController()
  const state = { over: false, openedMs: 0 }
  const onAbort = (): void => controller.abort(reflection.signal.reason)
  reflection.signal.addEventListener('abort', onAbort, { once: true })
  if (reflection.signal.aborted) onAbort()
  const giveUp = (): void => {
    state.over = true
    controller.abort(new Error('silent'))
  }
  const look = (): void => {
    const quietMs = performance.now() - Math.max(state.openedMs, reflection.seenMs ?? 0)
    if (quietMs < silenceMs) timer = setTimeout(look, silenceMs - quietMs)
    else giveUp()
  }
  let timer = setTimeout(giveUp, watchOpenMs)
  return {
    signal: controller.signal,
    opened() {
      clearTimeout(timer)
      state.openedMs = performance.now()
      timer = setTimeout(look, silenceMs)
    },
    isOver: () => state.over,
    end() {
      clearTimeout(timer)
      reflection.signal.removeEventListener('abort', onAbort)
    },
  }
}
