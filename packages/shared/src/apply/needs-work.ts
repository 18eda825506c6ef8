import type { Change } from './change.ts'
import type { Desired } from './declare.ts'
import { bit, has, isLeftAlone } from './live/entry.ts'
import type { Entry } from './live/entry.ts'
import { isFresh } from './live/kind-watch.ts'
import { readEntry } from './live/live-set.ts'
import { findEntry } from './live/state.ts'
import { rejected, settleAll } from './write/parallel.ts'
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
 * where the watch of their kind is fresh; otherwise one read.
 */
export async function needsWork(
  writing: Writing & { readonly concurrency: number },
  desired: readonly Desired[],
  { claims, signal }: { readonly claims: boolean; readonly signal: AbortSignal },
): Promise<Sorted> {
  const known = desired.map((declared) => ({ declared, entry: findEntry(writing.state, writing.holderKey, declared.id) }))
  const blind = known.filter(({ declared, entry }) => entry?.applied === declared.digest && !isFresh(entry.kind))
  const reads = await settleAll(blind, writing.concurrency, ({ entry }) =>
    entry === undefined ? Promise.resolve() : writing.limit(() => readEntry(writing.state, entry, signal)),
  )
  signal.throwIfAborted()
  const [failure] = rejected(reads)
  const [first] = blind
  if (failure !== undefined && first !== undefined) {
    throw explainRefusal(failure, { desired: first.declared, attempt: 'dry-run', mask: writing.mask })
  }
  const isSettled = (at: (typeof known)[number]): boolean => isAsWeLeftIt(at.entry, at.declared, claims)
  return {
    work: known.filter((at) => !isSettled(at)).map(({ declared }) => declared),
    settled: known.filter(isSettled).map(({ declared, entry }) => ({
      ref: declared.ref,
      action: entry !== undefined && isLeftAlone(entry) ? 'skipped' : 'unchanged',
    })),
  }
}

function isAsWeLeftIt(entry: Entry | undefined, { digest }: Desired, claims: boolean): boolean {
  // Another holder's, whatever we applied last: after a start each would take it from the other.
  if (entry !== undefined && has(entry, bit.taken) && !claims) return true
  if (entry === undefined || entry.applied !== digest || has(entry, bit.suspect) || has(entry, bit.taken)) return false
  return has(entry, bit.present) || has(entry, bit.skipped)
}
