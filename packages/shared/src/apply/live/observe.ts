import type { KubeObject } from '@weir/shared/kube'
import { current, notFound, terminating, unknown } from '../health/verdict.ts'
import { judgeDrift, judgeGone } from './drift.ts'
import type { Suspicion } from './drift.ts'
import { bit, has, isLeftAlone, put, remember } from './entry.ts'
import type { Entry, Holder } from './entry.ts'
import { factsOf, versionOf } from './facts.ts'
import type { Facts } from './facts.ts'
import type { KindWatch, Seen } from './kind-watch.ts'
import { chainOf } from './state.ts'
import type { State } from './state.ts'

/** Reads an object of a watched kind. Health is unknown where the object came without the status that it has. */
export function readFacts(state: State, kind: KindWatch, { object, whole }: { readonly object: KubeObject; readonly whole: boolean }): Facts {
  const facts = factsOf(object, { manager: state.manager, isOverridden: state.isOverridden, whole, now: state.now() })
  const isBlind = !whole && kind.resource?.status !== false && facts.health === current
  return isBlind ? { ...facts, health: unknown } : facts
}

/** An object as a watch or a read showed it. */
export function seeObject(state: State, id: string, facts: Facts): void {
  for (const entry of chainOf(state, id)) seeEntry(state, entry, facts)
}

export function seeEntry(state: State, entry: Entry, facts: Facts): void {
  if (facts.version < entry.version) return // older than an answer that we have
  if (has(entry, bit.writing)) return void state.deferred.set(entry, { kind: 'seen', facts })
  const isSame = facts.version === entry.version && has(entry, bit.present)
  markTaken(state, entry, facts)
  const suspicion = isSame ? undefined : judgeDrift(entry, facts)
  const before = entry.health
  remember(entry, isSame && facts.health === unknown && before !== terminating ? { ...facts, health: before } : facts)
  if (suspicion !== undefined) suspect(state, entry, suspicion)
  if (before.status !== entry.health.status || before.message !== entry.health.message) tell(state, entry)
}

/** It was deleted, or left the selector, at this resourceVersion. */
export function seeGone(state: State, id: string, version: number): void {
  for (const entry of chainOf(state, id)) goneEntry(state, entry, version)
}

export function goneEntry(state: State, entry: Entry, version: number): void {
  if (version < entry.version) return
  if (has(entry, bit.writing)) return void state.deferred.set(entry, { kind: 'gone', version })
  const isNews = has(entry, bit.present) || !has(entry, bit.known)
  const suspicion = isNews ? judgeGone(entry) : undefined
  put(entry, bit.known, true)
  put(entry, bit.present, false)
  entry.version = version
  entry.health = notFound
  if (suspicion !== undefined) suspect(state, entry, suspicion)
  if (isNews) tell(state, entry)
}

/** A full list of a kind: what is not in it, and is not newer than it, is gone. */
export function seeAll(state: State, { kind, seen, resourceVersion }: { kind: KindWatch; seen: readonly Seen[]; resourceVersion: string }): void {
  const version = versionOf(resourceVersion)
  forgetFuture(state, { kind, seen, version })
  const ids = new Set<string>()
  for (const { id, facts } of seen) {
    ids.add(id)
    if (facts !== undefined) seeObject(state, id, facts)
  }
  for (const entry of entriesOf(state, kind)) if (!ids.has(entry.id)) goneEntry(state, entry, version)
}

/**
 * After a restore from a backup the API server's word counts, not ours. A list that is older than what its own watch has shown comes from
 * one, and so does a list that is newer than what we know of an object and shows an older one of it. A list that is older than the answer
 * to a write of ours is neither: it was on its way.
 */
function forgetFuture(state: State, listed: Listed): void {
  const entries = [...aheadOf(state, listed)]
  for (const entry of entries) rewind(entry)
  if (entries.length > 0) state.telemetry.log.warn('older than what was seen before: restored from a backup', { kind: listed.kind.key, objects: entries.length })
}

interface Listed {
  readonly kind: KindWatch
  readonly seen: readonly Seen[]
  readonly version: number
}

/** Entries that hold what the API server that answered does not know. */
function* aheadOf(state: State, { kind, seen, version }: Listed): Generator<Entry> {
  if (version > 0 && version < kind.position) {
    yield* entriesOf(state, kind)
    return
  }
  for (const { id, facts } of seen) {
    for (const entry of chainOf(state, id)) if (facts !== undefined && facts.version < entry.version && entry.version <= version) yield entry
  }
}

/** What we know of the object is no more: it counts as never applied, and whatever is seen next is news. */
export function rewind(entry: Entry): void {
  entry.version = 0
  entry.applied = undefined
  put(entry, bit.known, false)
}

/** The kind has a status from now on: that an object is current was said by its metadata alone. */
export function doubtHealth(state: State, kind: KindWatch): void {
  for (const entry of entriesOf(state, kind)) {
    if (entry.health !== current) continue
    entry.health = unknown
    tell(state, entry)
  }
}

function* entriesOf(state: State, kind: KindWatch): Generator<Entry> {
  for (const id of state.entries.keys()) {
    for (const entry of chainOf(state, id)) if (entry.kind === kind) yield entry
  }
}

/** From here on, what is seen of the object waits for the answer of our write. */
export function beginWrite(entry: Entry): void {
  put(entry, bit.writing, true)
}

export interface WriteAnswer {
  readonly object: KubeObject
  /** The answer holds the whole object, so that its health can be read. */
  readonly whole: boolean
  readonly digest: number
  readonly merges: boolean
}

/** Our write was answered: what the answer shows is what drift is measured against. */
export function endWrite(state: State, entry: Entry, answer: WriteAnswer): void {
  const facts = readFacts(state, entry.kind, { object: answer.object, whole: answer.whole })
  const before = entry.health
  put(entry, bit.writing | bit.suspect | bit.skipped | bit.skippedByUs | bit.taken, false)
  put(entry, bit.merges, answer.merges)
  state.suspicions.delete(entry)
  remember(entry, facts)
  entry.applied = answer.digest
  // Somebody wrote between our look and our write: an apply leaves alone what others own.
  const missed = judgeDrift(entry, facts)
  if (missed?.cause === 'overridden') suspect(state, entry, missed)
  if (before !== entry.health) tell(state, entry)
  lookAgain(state, entry)
}

/** Nobody knows what became of the write, or it was refused: the object counts as never applied. */
export function failWrite(state: State, entry: Entry): void {
  put(entry, bit.writing, false)
  entry.applied = undefined
  lookAgain(state, entry)
}

/** The object is left alone: by what it declares itself, or by what the live one says. */
export function skipWrite(state: State, entry: Entry, skip: { readonly digest: number; readonly byUs: boolean }): void {
  put(entry, bit.skipped, true)
  put(entry, bit.skippedByUs, skip.byUs)
  put(entry, bit.suspect, false)
  state.suspicions.delete(entry)
  entry.applied = skip.digest
}

/** The other owner that an object's labels name, if it holds the object too: `namespace/name`. */
function markTaken(state: State, entry: Entry, facts: Facts): void {
  const isOther = facts.owner !== undefined && facts.owner !== entry.holder.key
  const isHeld = isOther && [...chainOf(state, entry.id)].some(({ holder }) => holder.key === facts.owner)
  put(entry, bit.taken, isHeld)
}

/** The one that it was shared with holds it no more: what its labels say is drift now. */
export function reclaim(state: State, entry: Entry): void {
  if (!has(entry, bit.taken)) return
  put(entry, bit.taken, false)
  if (entry.applied !== undefined) suspect(state, entry, { cause: 'relabelled', facts: undefined })
}

function lookAgain(state: State, entry: Entry): void {
  const deferred = state.deferred.get(entry)
  state.deferred.delete(entry)
  if (deferred?.kind === 'seen') seeEntry(state, entry, deferred.facts)
  if (deferred?.kind === 'gone') goneEntry(state, entry, deferred.version)
}

function suspect(state: State, entry: Entry, suspicion: Suspicion): void {
  const isNew = !has(entry, bit.suspect)
  put(entry, bit.suspect, true)
  state.suspicions.set(entry, suspicion)
  if (isNew) state.onDrift(entry.holder.owner)
}

function tell(state: State, entry: Entry): void {
  for (const listener of entry.holder.listeners ?? []) listener(entry)
  if (entry.health.status === 'Current' && isAllCurrent(entry.holder)) state.onCurrent(entry.holder.owner)
}

function isAllCurrent({ entries, waitsFor }: Holder): boolean {
  if (waitsFor !== 'all' && waitsFor.size === 0) return false
  return entries.every((entry) => entry.health.status === 'Current' || isLeftAlone(entry) || (waitsFor !== 'all' && !waitsFor.has(entry.id)))
}
