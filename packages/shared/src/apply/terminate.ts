import { inventoryId, showObject, showOwner } from '@weir/shared/manifest'
import type { ObjectRef, Owner } from '@weir/shared/manifest'
import { bit, has, listen, liveSwitches } from './live/entry.ts'
import type { Entry } from './live/entry.ts'
import { isFresh } from './live/kind-watch.ts'
import { readEntry } from './live/live-set.ts'
import type { LiveSet } from './live/live-set.ts'
import { findEntry } from './live/state.ts'
import type { State } from './live/state.ts'
import { keepsFromPrune } from './switches.ts'
import { after } from './timer.ts'
import { settleAll } from './write/parallel.ts'

export interface TerminationOptions {
  readonly live: LiveSet
  readonly owner: Owner
  /** What prune deleted, still held in the live set. */
  readonly refs: readonly ObjectRef[]
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

export type TerminationVerdict =
  | { readonly kind: 'gone' }
  | { readonly kind: 'timeout'; readonly message: string; readonly refs: readonly ObjectRef[] }

/** Where no watch vouches for a kind, its objects are asked for this often. */
const pollMs = 2_000

/**
 * Waits until deleted objects are really gone, finalizers and all; not for those that prune leaves alone. Rejects with the signal's
 * reason alone.
 */
export async function waitForTermination({ live, owner, refs, timeoutMs, signal }: TerminationOptions): Promise<TerminationVerdict> {
  signal.throwIfAborted()
  const { state } = live
  const holder = state.holders.get(showOwner(owner))
  const open = new Map(refs.flatMap((ref): readonly [Entry, ObjectRef][] => {
    const entry = findEntry(state, showOwner(owner), inventoryId(ref))
    return entry === undefined ? [] : [[entry, ref]]
  }))
  const ending = new AbortController()
  const settle = (entry: Entry): boolean => isOver(entry) && open.delete(entry)
  const poll = async (): Promise<void> => {
    const blind = [...open.keys()].filter((entry) => !isFresh(entry.kind) || !has(entry, bit.known))
    // A read that fails is no answer: the next one may be.
    await settleAll(blind, 4, async (entry) => {
      const isRead = await readEntry(state, entry, ending.signal).then(() => has(entry, bit.known), () => false)
      if (!isRead && (await isKindGone(state, entry, ending.signal))) open.delete(entry)
    })
  }
  const leaving: (() => void)[] = []
  try {
    return await new Promise<TerminationVerdict>((resolve, reject) => {
      const look = (): void => {
        for (const entry of open.keys()) settle(entry)
        if (open.size === 0) resolve({ kind: 'gone' })
      }
      const stop = (): void => reject(signal.reason)
      if (holder !== undefined) leaving.push(listen(holder, look))
      signal.addEventListener('abort', stop, { once: true })
      leaving.push(() => signal.removeEventListener('abort', stop))
      const polling = setInterval(() => void poll().then(look), pollMs)
      leaving.push(() => clearInterval(polling))
      leaving.push(after(timeoutMs, () => resolve(timedOut([...open.values()]))))
      look()
    })
  } finally {
    ending.abort()
    for (const leave of leaving) leave()
  }
}

/** A process that starts when the kind is gone, or going, has no watch and no read that would tell. Never on doubt, as in prune. */
async function isKindGone({ kube }: State, { kind }: Entry, signal: AbortSignal): Promise<boolean> {
  return (await kube.discovery.absent({ group: kind.group, kind: kind.kind }, signal)) === 'gone'
}

/** Gone, or there to stay: another owner's, or protected. */
function isOver(entry: Entry): boolean {
  if (!has(entry, bit.known)) return false
  return !has(entry, bit.present) || !has(entry, bit.labelled) || keepsFromPrune(liveSwitches(entry))
}

function timedOut(refs: readonly ObjectRef[]): TerminationVerdict {
  const names = refs.map(showObject).toSorted()
  return { kind: 'timeout', message: `timeout waiting for termination of: [${names.join(', ')}]`, refs }
}
