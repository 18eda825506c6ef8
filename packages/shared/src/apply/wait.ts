import { inventoryId, showOwner } from '@weir/shared/manifest'
import type { ObjectRef, Owner } from '@weir/shared/manifest'
import { stalledText, timeoutText } from './health/wait-text.ts'
import type { ObjectHealth } from './health/wait-text.ts'
import { bit, has, isLeftAlone, listen } from './live/entry.ts'
import type { Entry } from './live/entry.ts'
import { listenForeign, readForeign } from './live/foreign.ts'
import type { ForeignWatch } from './live/foreign.ts'
import { readEntry } from './live/live-set.ts'
import type { LiveSet } from './live/live-set.ts'
import { findEntry } from './live/state.ts'
import { after } from './timer.ts'
import { settleAll } from './write/parallel.ts'

export interface WaitOptions {
  readonly live: LiveSet
  readonly owner: Owner
  /** The owner's own objects, or any others: those are watched for the time of the wait. Hold no objects while waiting. */
  readonly refs: readonly ObjectRef[]
  readonly timeoutMs: number
  /** Ends at the first object that has failed; otherwise once each is current or failed. */
  readonly failFast: boolean
  /**
   * Told of a verdict the moment that it falls: an event that follows at once may already say otherwise. Only the first one is handed
   * back.
   */
  readonly onVerdict?: (verdict: WaitVerdict) => void
  readonly signal: AbortSignal
}

/** `message` is the bare text of contract 4.10, without the "health check failed after X: ". */
export type WaitVerdict =
  | { readonly kind: 'current' }
  | { readonly kind: 'failed' | 'timeout'; readonly message: string; readonly objects: readonly ObjectHealth[] }

/** Of every wait: an error of its own, with its stack, was most of what a wait for nothing cost. */
const waitIsOver = new Error('the wait is over')

/** Objects that cannot be watched are asked for this often. */
const pollMs = 5_000

/**
 * Waits until every object is current at what our last write of it produced, and ends at the event that makes the last one
 * so. Objects that a switch keeps us from are not waited for. Rejects with the signal's reason alone.
 */
export async function waitUntilCurrent(options: WaitOptions): Promise<WaitVerdict> {
  const { signal, timeoutMs } = options
  signal.throwIfAborted()
  const watched = watchAll(options)
  try {
    const known = judge(watched.pending(), options.failFast)
    if (known !== undefined) {
      options.onVerdict?.(known) // nearly every run finds all as it was: no timer is set for it
      return known
    }
    return await new Promise<WaitVerdict>((resolve, reject) => {
      const settle = (verdict: WaitVerdict): void => {
        options.onVerdict?.(verdict)
        resolve(verdict)
      }
      const look = (): void => {
        const verdict = judge(watched.pending(), options.failFast)
        if (verdict !== undefined) settle(verdict)
      }
      watched.onChange(look)
      watched.onEnd(every(pollMs, () => void watched.poll()))
      watched.onEnd(after(timeoutMs, () => settle(timedOut(watched.pending()))))
      watched.onEnd(onAbort(signal, () => reject(signal.reason)))
      void watched.poll()
    })
  } finally {
    watched.end()
  }
}

function judge(pending: readonly ObjectHealth[], failFast: boolean): WaitVerdict | undefined {
  if (pending.length === 0) return { kind: 'current' }
  const failed = pending.filter(({ status }) => status === 'Failed')
  const isOver = failFast ? failed.length > 0 : failed.length === pending.length
  return isOver ? { kind: 'failed', message: stalledText(failed), objects: failed } : undefined
}

const timedOut = (pending: readonly ObjectHealth[]): WaitVerdict => ({ kind: 'timeout', message: timeoutText(pending), objects: pending })

/** One object, ours or not. */
interface Watched {
  readonly ref: ObjectRef
  health(): Omit<ObjectHealth, 'ref'>
  isPolled(): boolean
  read(signal: AbortSignal): Promise<void>
  /** Why the last read failed. */
  error: string | undefined
}

interface WatchedSet {
  /** Those that are not current yet. One that was current and is not any more counts again. */
  pending(): readonly ObjectHealth[]
  onChange(look: () => void): void
  onEnd(leave: () => void): void
  poll(): Promise<void>
  end(): void
}

function watchAll({ live, owner, refs }: WaitOptions): WatchedSet {
  const { state } = live
  const abort = new AbortController()
  const leaving: (() => void)[] = [() => abort.abort(waitIsOver)]
  const listeners = new Set<() => void>()
  const tell = (): void => {
    for (const listener of listeners) listener()
  }
  const open = new Set<Watched>()
  const mine = new Map<Entry, Watched>()
  for (const ref of new Map(refs.map((at) => [inventoryId(at), at])).values()) {
    const entry = findEntry(state, showOwner(owner), inventoryId(ref))
    const watched = entry === undefined ? foreign(live, { ref, tell, leaving }) : own(live, ref, entry)
    if (entry !== undefined) mine.set(entry, watched)
    if (!isCurrent(watched)) open.add(watched)
  }
  const holder = state.holders.get(showOwner(owner))
  const look = (entry: Entry): void => {
    const watched = mine.get(entry)
    if (watched === undefined) return
    if (isCurrent(watched)) open.delete(watched)
    else open.add(watched)
    tell()
  }
  if (holder !== undefined) leaving.push(listen(holder, look))
  return {
    pending: () => [...open].filter((watched) => !isCurrent(watched)).map(show),
    onChange: (listener) => void listeners.add(listener),
    onEnd: (leave) => void leaving.push(leave),
    async poll() {
      await settleAll([...open].filter((watched) => watched.isPolled()), 4, (watched) => readOnce(watched, abort.signal))
      if (!abort.signal.aborted) tell()
    },
    end() {
      for (const leave of leaving) leave()
    },
  }
}

async function readOnce(watched: Watched, signal: AbortSignal): Promise<void> {
  try {
    await watched.read(signal)
    watched.error = undefined
  } catch (error) {
    watched.error = error instanceof Error ? error.message : String(error)
  }
}

function show(watched: Watched): ObjectHealth {
  const { ref, error } = watched
  return { ref, ...watched.health(), ...(error !== undefined && { error }) }
}

const isCurrent = (watched: Watched): boolean => watched.health().status === 'Current'

function own(live: LiveSet, ref: ObjectRef, entry: Entry): Watched {
  const hasVanished = (): boolean => has(entry, bit.vanishes) && has(entry, bit.known) && !has(entry, bit.present)
  return {
    ref,
    health: () => (isLeftAlone(entry) || hasVanished() ? { status: 'Current', message: '' } : entry.health),
    isPolled: () => entry.kind.trouble !== undefined,
    read: (signal) => readEntry(live.state, entry, signal),
    error: undefined,
  }
}

function foreign(live: LiveSet, { ref, tell, leaving }: { ref: ObjectRef; tell: () => void; leaving: (() => void)[] }): Watched {
  const { watch, leave }: { watch: ForeignWatch; leave(): void } = listenForeign(live.state, ref, tell)
  leaving.push(leave)
  return {
    ref,
    health: () => watch.health,
    isPolled: () => watch.trouble !== undefined,
    read: (signal) => readForeign(live.state, watch, signal),
    error: undefined,
  }
}

function every(ms: number, run: () => void): () => void {
  const timer = setInterval(run, ms)
  return () => clearInterval(timer)
}

function onAbort(signal: AbortSignal, run: () => void): () => void {
  signal.addEventListener('abort', run, { once: true })
  return () => signal.removeEventListener('abort', run)
}
