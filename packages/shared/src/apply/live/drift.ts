import { mergesFields, skipsApply } from '../switches.ts'
import { bit, has } from './entry.ts'
import type { Entry } from './entry.ts'
import type { Facts } from './facts.ts'

/**
 * - `changed`: another writer took fields that we declare.
 * - `overridden`: a writer whose fields we take over has some, or something retired is on the object.
 * - `relabelled`: the labels do not name the owner any more.
 * - `deleted`: it is gone, or has left the selector.
 * - `released`: a live switch that kept us away is gone.
 */
export type DriftCause = 'changed' | 'overridden' | 'relabelled' | 'deleted' | 'released'

/** Why an object may have drifted; what is known of who did it. */
export interface Suspicion {
  readonly cause: DriftCause
  /** What the object showed when the suspicion arose; undefined where there was no object. */
  readonly facts: Facts | undefined
}

/**
 * Whether what was seen of an object, against what our last apply left, is drift. Writes of others to fields that we do
 * not declare are none.
 */
export function judgeDrift(entry: Entry, facts: Facts): Suspicion | undefined {
  const cause = causeOf(entry, facts)
  return cause === undefined ? undefined : { cause, facts }
}

function causeOf(entry: Entry, facts: Facts): DriftCause | undefined {
  if (entry.applied === undefined || has(entry, bit.released | bit.taken | bit.skippedByUs)) return undefined
  if (skipsApply(0, facts.switches)) return undefined
  if (has(entry, bit.skipped)) return 'released'
  if (facts.owner !== entry.holder.key) return 'relabelled'
  if (facts.fields !== entry.fields) return 'changed'
  const takesOver = facts.overridden && !has(entry, bit.merges) && !mergesFields(0, facts.switches)
  return takesOver ? 'overridden' : undefined
}

/** Whether the object's end is drift; asked before the entry takes it over. */
export function judgeGone(entry: Entry): Suspicion | undefined {
  if (entry.applied === undefined || has(entry, bit.released | bit.skippedByUs | bit.vanishes)) return undefined
  // Left alone and on no list by our labels: it lives on without them.
  if (has(entry, bit.skipped) && !has(entry, bit.present)) return undefined
  return { cause: 'deleted', facts: undefined }
}
