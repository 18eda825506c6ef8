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
  const silence = startSilence(reflection, caller.connection.limits.silenceMs)
  const before = reflection.seenMs
  const state: { openedMs?: number } = {}
  const life = (): Life => ({ progress: reflection.seenMs !== before, openMs: state.openedMs === undefined ? undefined : performance.now() - state.openedMs })
  try {
    const body = await open(caller, { ...requestFor(reflection), signal: silence.signal })
    state.openedMs = performance.now()
    for await (const event of readEvents(body)) {
      if (signal.aborted) break
      take(reflection, event)
    }
    return { kind: 'ended', ...life() }
  } catch (error) {
    if (silence.isSilent()) return { kind: 'ended', ...life() }
    if (error instanceof KubeError) return { kind: 'broken', error, ...life() }
    if (error instanceof HttpError) return { kind: 'broken', error: transportError(error), ...life() }
    throw error
  } finally {
    silence.end()
  }
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

interface Silence {
  /** The watch's signal, or nothing seen for too long. */
  readonly signal: AbortSignal
  isSilent(): boolean
  end(): void
}

/** Half-open connections look like quiet ones; only the missing bookmarks tell. */
function startSilence<T>(reflection: Reflection<T>, silenceMs: number): Silence {
  const controller = new AbortController()
  const startedMs = performance.now()
  let silent = false
  const onAbort = (): void => controller.abort(reflection.signal.reason)
  reflection.signal.addEventListener('abort', onAbort, { once: true })
  if (reflection.signal.aborted) onAbort()
  const look = (): void => {
    const quietMs = performance.now() - Math.max(startedMs, reflection.seenMs ?? 0)
    if (quietMs < silenceMs) {
      timer = setTimeout(look, silenceMs - quietMs)
      return
    }
    silent = true
    controller.abort(new Error('silent'))
  }
  let timer = setTimeout(look, silenceMs)
  return {
    signal: controller.signal,
    isSilent: () => silent,
    end() {
      clearTimeout(timer)
      reflection.signal.removeEventListener('abort', onAbort)
    },
  }
}
