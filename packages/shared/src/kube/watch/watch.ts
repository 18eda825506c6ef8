import { HttpError } from '@weir/shared/http'
import type { Caller } from '../connection/connection.ts'
import { transportError } from '../connection/status-error.ts'
import { KubeError } from '../kube-error.ts'
import { list } from '../list.ts'
import { followOnce } from './follow.ts'
import { decideNext, noFailures, type Ending } from './next.ts'
import { rest } from './rest.ts'
import { selection, touch, type Reflection, type WatchSink, type WatchSpec } from './reflection.ts'

export interface WatchHandle {
  /** Resolves at the first `replace`; rejects with KubeError 'aborted' if the watch ends before. */
  readonly synced: Promise<void>
  /** A list, event or bookmark was seen within the last 90 s. */
  fresh(): boolean
  close(): void
}

export interface WatchTask<T> {
  readonly spec: WatchSpec<T>
  readonly sink: WatchSink<T>
  /** The connection closes. */
  readonly stop: AbortSignal
}

export function watch<T>(caller: Caller, { spec, sink, stop }: WatchTask<T>): WatchHandle {
  const ending = new AbortController()
  const end = (): void => ending.abort(new KubeError('aborted', `watch of ${spec.resource.plural} ended`))
  const sources = [spec.signal, stop]
  for (const source of sources) source.addEventListener('abort', end, { once: true })
  if (sources.some(({ aborted }) => aborted)) end()

  const reflection: Reflection<T> = {
    caller,
    spec,
    sink,
    project: spec.project ?? ((object) => object as T),
    signal: ending.signal,
    telemetry: caller.connection.telemetry,
    resourceVersion: undefined,
    seenMs: undefined,
    hurried: false,
  }
  const synced = Promise.withResolvers<void>()
  synced.promise.catch(() => undefined) // whoever waits hears of it
  void run(reflection, synced.resolve).finally(() => {
    for (const source of sources) source.removeEventListener('abort', end)
    synced.reject(ending.signal.reason)
  })
  const { silenceMs } = caller.connection.limits
  return {
    synced: synced.promise,
    fresh: () => !ending.signal.aborted && reflection.seenMs !== undefined && performance.now() - reflection.seenMs < silenceMs,
    close: end,
  }
}

async function run<T>(reflection: Reflection<T>, onListed: () => void): Promise<void> {
  const { signal, sink, telemetry, caller, spec } = reflection
  const { watchPauseMs } = caller.connection.limits
  let failures = noFailures
  while (!signal.aborted) {
    const listing = reflection.resourceVersion === undefined
    const ending = await (listing ? listOnce(reflection) : followOnce(reflection)).catch((error: unknown) => brokenBy(reflection, error))
    if (signal.aborted) return
    if (ending.kind === 'listed') onListed()
    const next = decideNext(ending, { listing, failures, minPauseMs: watchPauseMs, random: Math.random() })
    failures = next.failures
    if (next.relist) reflection.resourceVersion = undefined
    if (ending.kind === 'broken') {
      telemetry.log.debug('watch broken', { plural: spec.resource.plural, group: spec.resource.group, error: ending.error.message, pauseMs: next.pauseMs })
      if (next.tell) guard(reflection, () => sink.failed?.(ending.error))
      else if (listing) guard(reflection, () => sink.unlisted?.(ending.error))
    }
    await rest(reflection, next)
  }
}

async function listOnce<T>(reflection: Reflection<T>): Promise<Ending> {
  const { caller, spec, sink, project, signal } = reflection
  const { items, resourceVersion } = await list(caller, { ...selection(spec), project, signal })
  if (signal.aborted) return { kind: 'listed' }
  sink.replace(items, resourceVersion)
  touch(reflection, resourceVersion)
  return { kind: 'listed' }
}

/** A sink or projection that throws is a bug, told loudly; the way on is the same as after any other trouble: list again. */
function brokenBy<T>(reflection: Reflection<T>, thrown: unknown): Ending {
  if (thrown instanceof KubeError) return { kind: 'broken', error: thrown, progress: false }
  if (thrown instanceof HttpError) return { kind: 'broken', error: transportError(thrown), progress: false }
  const { plural } = reflection.spec.resource
  reflection.telemetry.log.error('watch sink failed', { plural, error: thrown })
  return { kind: 'broken', error: new KubeError('gone', `watch of ${plural}: the sink failed`, { cause: thrown }), progress: false }
}

function guard<T>(reflection: Reflection<T>, tell: () => void): void {
  try {
    tell()
  } catch (error) {
    reflection.telemetry.log.error('watch sink failed', { plural: reflection.spec.resource.plural, error })
  }
}
