import { KubeError } from '@weir/shared/kube'
import type { Change } from './change.ts'
import type { Desired } from './declare.ts'
import { bit, has, isLeftAlone } from './live/entry.ts'
import type { Entry } from './live/entry.ts'
import { isFresh } from './live/kind-watch.ts'
import { readEntry } from './live/live-set.ts'
import { findEntry } from './live/state.ts'
import { skipsApply } from './switches.ts'
import { fulfilled, settleAll } from './write/parallel.ts'
import { explainRefusal } from './write/refusal.ts'
import type { Writing } from './write/writing.ts'

export interface Sorted {
  /** What must be applied. */
  readonly work: readonly Desired[]
  /** What is as we left it. */
  readonly settled: readonly Change[]
}

/**
 * Objects that are equal to what this process applied last and that nobody has touched since need no work, and no call
 * where the watch of their kind is fresh; otherwise one read. Throws ApplyError, or the signal's reason.
 */
export async function needsWork(
  writing: Writing & { readonly concurrency: number },
  desired: readonly Desired[],
  { claims, signal }: { readonly claims: boolean; readonly signal: AbortSignal },
): Promise<Sorted> {
  const known = desired.map((declared) => ({ declared, entry: findEntry(writing.state, writing.holderKey, declared.id) }))
  const isSettled = ({ declared, entry }: (typeof known)[number]): boolean => isAsWeLeftIt(entry, declared, claims)
  // What needs work anyway is not read: its kind may be one that an earlier stage brings back.
  const blind = known.flatMap((at) => (at.entry?.applied === at.declared.digest && !isFresh(at.entry.kind) && isSettled(at) ? [{ ...at, entry: at.entry }] : []))
  const reads = await settleAll(blind, writing.concurrency, async ({ declared, entry }) => ((await isKindRead(writing, entry, signal)) ? [] : [declared.id]))
  signal.throwIfAborted()
  throwFirst(writing, blind.map(({ declared }) => declared), reads)
  const unserved = new Set(fulfilled(reads).flat())
  const rests = (at: (typeof known)[number]): boolean => !unserved.has(at.declared.id) && isSettled(at)
  return {
    work: known.filter((at) => !rests(at)).map(({ declared }) => declared),
    settled: known.filter(rests).map(({ declared, entry }) => ({
      ref: declared.ref,
      action: entry !== undefined && isLeftAlone(entry) ? 'skipped' : 'unchanged',
    })),
  }
}

/** Reads the object. False: nobody serves its kind, so that there is none. */
async function isKindRead({ state, limit }: Writing, entry: Entry, signal: AbortSignal): Promise<boolean> {
  const { group, kind, resource } = entry.kind
  if (resource === undefined && (await state.kube.discovery.resource({ group, kind }, signal)) === undefined) return false
  try {
    await limit(() => readEntry(state, entry, signal))
    return true
  } catch (error) {
    if (error instanceof KubeError && error.code === 'not-served') return false
    throw error
  }
}

/** `reads` are those of `desired`, one by one. */
function throwFirst({ mask }: Writing, desired: readonly Desired[], reads: readonly PromiseSettledResult<unknown>[]): void {
  for (const [index, read] of reads.entries()) {
    const declared = desired[index]
    if (read.status === 'rejected' && declared !== undefined) throw explainRefusal(read.reason, { desired: declared, attempt: 'dry-run', mask })
  }
}

function isAsWeLeftIt(entry: Entry | undefined, { digest, switches }: Desired, claims: boolean): boolean {
  // Another holder's, whatever we applied last: after a start each would take it from the other.
  if (entry !== undefined && has(entry, bit.taken) && !claims) return true
  if (entry === undefined || entry.applied !== digest || has(entry, bit.suspect) || has(entry, bit.taken)) return false
  // Left alone because of the live object: that is on no watch while it lacks our labels, so that nobody tells when it is gone.
  return has(entry, bit.present) || skipsApply(switches, undefined)
}
