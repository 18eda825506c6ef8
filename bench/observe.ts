import type { Kind } from '@weir/shared/api'
import { fieldAt, type KubeObject } from '@weir/shared/manifest'
import type { BareClient } from './bare-client.ts'

/** What a watch tells of one kind in one namespace. */
export interface Observed {
  readonly latest: ReadonlyMap<string, KubeObject>
  /**
   * Resolves when the predicate has held once for every name, each looked at when it changes: to the time
   * (`performance.now()`) at which the last one did. Rejects when the watch breaks or time is up.
   */
  until(what: string, names: readonly string[], wait: Wait): Promise<number>
  close(): void
}

export interface Wait {
  readonly isDone: (object: KubeObject) => boolean
  readonly timeoutMs: number
  /** Told every few seconds. */
  readonly onProgress?: (line: string) => void
  /** Each name once, at the time when it was done. */
  readonly onDone?: (name: string, atMs: number) => void
}

interface Waiter {
  readonly pending: Set<string>
  readonly look: (object: KubeObject, name: string) => void
  readonly fail: (error: unknown) => void
}

const progressMs = 5_000

export interface ObserveOptions {
  readonly kind: Kind
  readonly namespace: string
  /** Told of every event that holds an object, before anybody waits for it. */
  readonly onObject?: (object: KubeObject) => void
  /** Ends every wait. */
  readonly signal: AbortSignal
}

/** Takes one connection of the client until it is closed. */
export function observe(client: BareClient, { kind, namespace, onObject, signal }: ObserveOptions): Observed {
  const latest = new Map<string, KubeObject>()
  const waiters = new Set<Waiter>()
  const ended = new AbortController()
  const tell = (object: KubeObject, type: string): void => {
    const { name } = object.metadata
    if (type === 'DELETED') return void latest.delete(name)
    latest.set(name, object)
    onObject?.(object)
    for (const waiter of waiters) waiter.look(object, name)
  }
  const state: { broken?: unknown } = {}
  const fail = (error: unknown): void => {
    state.broken = error
    for (const waiter of waiters) waiter.fail(error)
  }
  const onAbort = (): void => fail(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  const follow = async (): Promise<void> => {
    // Opened anew it tells all there is again: deletions in between are missed, and no bench waits for one.
    while (!ended.signal.aborted) await client.watch(kind, { namespace, signal: ended.signal }, tell)
  }
  follow().catch(fail)

  const until = (what: string, names: readonly string[], { isDone, timeoutMs, onProgress, onDone }: Wait): Promise<number> => {
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    const pending = new Set(names)
    const look = (object: KubeObject, name: string): void => {
      if (!pending.has(name) || !isDone(object)) return
      const nowMs = performance.now()
      pending.delete(name)
      onDone?.(name, nowMs)
      if (pending.size === 0) resolve(nowMs)
    }
    const waiter: Waiter = { pending, look, fail: reject }
    const late = setTimeout(() => reject(lateError({ what, pending, latest, timeoutMs })), timeoutMs)
    const report = setInterval(() => onProgress?.(`${what}: ${names.length - pending.size} of ${names.length}${exampleOf(pending, latest)}`), progressMs)
    waiters.add(waiter)
    for (const [name, object] of latest) look(object, name)
    if (names.length === 0) resolve(performance.now())
    if (state.broken !== undefined) reject(state.broken)
    return promise.finally(() => {
      waiters.delete(waiter)
      clearTimeout(late)
      clearInterval(report)
    })
  }
  return {
    latest,
    until,
    close() {
      signal.removeEventListener('abort', onAbort)
      ended.abort()
    },
  }
}

/** Why one of those that are missing is not ready, where its status says so. */
function exampleOf(pending: ReadonlySet<string>, latest: ReadonlyMap<string, KubeObject>): string {
  for (const name of pending) {
    const conditions = fieldAt(latest.get(name), 'status', 'conditions')
    const failed = Array.isArray(conditions) ? conditions.find((each: unknown) => fieldAt(each, 'type') === 'Ready' && fieldAt(each, 'status') === 'False') : undefined
    if (failed !== undefined) return `; ${name}: ${String(fieldAt(failed, 'message')).slice(0, 300)}`
  }
  return ''
}

interface Late {
  readonly what: string
  readonly pending: ReadonlySet<string>
  readonly latest: ReadonlyMap<string, KubeObject>
  readonly timeoutMs: number
}

function lateError({ what, pending, latest, timeoutMs }: Late): Error {
  const [name = ''] = pending
  const seen = latest.get(name)
  return new Error(`${what}: ${pending.size} missing after ${timeoutMs / 1000} s, ${name} among them; last seen: ${JSON.stringify(seen?.['status'] ?? seen?.metadata)}`)
}
