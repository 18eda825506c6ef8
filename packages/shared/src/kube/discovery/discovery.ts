import type { Caller } from '../connection/connection.ts'
import { KubeError } from '../kube-error.ts'
import type { Resource } from '../objects.ts'
import { isDefined, readDefiners, type Definers } from './absent.ts'
import { followDefiners } from './follow.ts'
import { look, type Look } from './look.ts'
import { changedGroups, findResource, isComplete, type Names, type Served } from './served.ts'

export interface KindName {
  readonly group: string
  readonly kind: string
  /** Absent: the version that the server prefers. */
  readonly version?: string
}

/** What the API server serves. Loaded at first use; every rejection is a KubeError. */
export interface Discovery {
  /** A miss looks once more, shared by all, at most every 5 s. Undefined: not served as far as is known; see `absent`. */
  resource(name: KindName, signal?: AbortSignal): Promise<Resource | undefined>
  /** The group's discovery is whole: no version of it is stale or unreadable. False before the first load. */
  complete(group: string): boolean
  /**
   * `gone` only when the group's discovery is complete, no other server's APIService claims the group and no CRD defines the kind, read
   * at most 5 s ago; every doubt, including a failed or forbidden look, is `unknown`. Rejects only when the signal fires.
   */
  absent(name: Pick<KindName, 'group' | 'kind'>, signal?: AbortSignal): Promise<'served' | 'gone' | 'unknown'>
  /** Looks again unless a look that began less than `maxAgeMs` ago (default 5 s) has answered. 0: begins after this call. */
  refresh(options?: { readonly maxAgeMs?: number; readonly signal?: AbortSignal }): Promise<void>
  /** Watches CRDs and APIServices (metadata) and looks again when they change. */
  follow(signal: AbortSignal): void
  /** Told the groups whose kinds changed, after each look that found a difference; after the first one, all there are. Returns the way to stop it. */
  onChange(listener: (groups: ReadonlySet<string>) => void): () => void
}

/** A look costs the API server little, but a fleet of misses must not multiply it. */
const shareMs = 5_000

interface State {
  readonly caller: Caller
  readonly stop: AbortSignal
  readonly listeners: Set<(groups: ReadonlySet<string>) => void>
  last: Look | undefined
  /** Begin of the last look that answered; monotonic. */
  lookedMs: number
  running: { readonly beganMs: number; readonly done: Promise<void> } | undefined
  queued: Promise<void> | undefined
  definers: { readonly beganMs: number; readonly read: Promise<Definers> } | undefined
}

const nothing: Served = { groups: new Map() }

export function createDiscovery({ caller, stop }: { readonly caller: Caller; readonly stop: AbortSignal }): Discovery {
  const state: State = {
    caller,
    stop,
    listeners: new Set(),
    last: undefined,
    lookedMs: Number.NEGATIVE_INFINITY,
    running: undefined,
    queued: undefined,
    definers: undefined,
  }
  return {
    resource: (name, signal) => findOrLook(state, name, signal),
    complete: (group) => state.last !== undefined && isComplete(state.last.served, group),
    absent: (name, signal) => judge(state, name, signal),
    refresh: ({ maxAgeMs = shareMs, signal } = {}) => orAborted(refresh(state, maxAgeMs), signal),
    follow(signal) {
      followDefiners(caller, { stop, signal, refresh: () => refresh(state, 0) })
    },
    onChange(listener) {
      state.listeners.add(listener)
      return () => state.listeners.delete(listener)
    },
  }
}

async function findOrLook(state: State, name: Names, signal: AbortSignal | undefined): Promise<Resource | undefined> {
  const known = state.last && findResource(state.last.served, name)
  if (known) return known
  await orAborted(refresh(state, shareMs), signal)
  return findResource(state.last?.served ?? nothing, name)
}

async function judge(state: State, name: Names, signal: AbortSignal | undefined): Promise<'served' | 'gone' | 'unknown'> {
  try {
    await orAborted(refresh(state, shareMs), signal)
    const served = state.last?.served
    if (!served) return 'unknown'
    if (findResource(served, name)) return 'served'
    if (!isComplete(served, name.group)) return 'unknown'
    const definers = await orAborted(currentDefiners(state), signal)
    if (definers.claimed.has(name.group)) return 'unknown'
    return (await isDefined(state.caller, definers, { ...name, signal })) ? 'unknown' : 'gone'
  } catch (error) {
    if (signal?.aborted || !(error instanceof KubeError)) throw error
    state.caller.connection.telemetry.log.warn('cannot tell whether a kind is gone', { group: name.group, kind: name.kind, error: error.message })
    return 'unknown'
  }
}

function currentDefiners(state: State): Promise<Definers> {
  const nowMs = performance.now()
  if (state.definers && nowMs - state.definers.beganMs < shareMs) return state.definers.read
  const read = readDefiners(state.caller, state.stop)
  state.definers = { beganMs: nowMs, read }
  read.catch(() => (state.definers = undefined))
  return read
}

function refresh(state: State, maxAgeMs: number): Promise<void> {
  const oldestMs = performance.now() - maxAgeMs
  if (maxAgeMs > 0 && state.lookedMs >= oldestMs) return Promise.resolve()
  if (state.running === undefined) return begin(state)
  if (maxAgeMs > 0 && state.running.beganMs >= oldestMs) return state.running.done
  // One more look for all who came after the running one began.
  state.queued ??= state.running.done
    .catch(() => undefined)
    .then(() => {
      state.queued = undefined
      return begin(state)
    })
  return state.queued
}

function begin(state: State): Promise<void> {
  const beganMs = performance.now()
  const done = look(state.caller, state.last, state.stop).then((found) => take(state, found, beganMs))
  state.running = { beganMs, done }
  const end = (): void => {
    state.running = undefined
  }
  done.then(end, end)
  return done
}

function take(state: State, found: Look, beganMs: number): void {
  // Whoever asked while no look worked found nothing, and waits to be told.
  const before = state.last?.served ?? nothing
  state.last = found
  state.lookedMs = beganMs
  const changed = changedGroups(before, found.served)
  if (changed.size > 0) for (const listener of state.listeners) listener(changed)
}

/** The look is shared: one caller's signal ends only its own wait. */
function orAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(new KubeError('aborted', 'discovery: aborted', { cause: signal.reason }))
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
