import { groupKind, parseInventoryId, showOwner } from '@weir/shared/manifest'
import type { Owner } from '@weir/shared/manifest'
import type { Inventory } from '../inventory.ts'
import { createEntry } from './entry.ts'
import type { Entry, Holder } from './entry.ts'
import { closeKind, createKindWatch, openKind, wantsWhole } from './kind-watch.ts'
import type { KindWatch } from './kind-watch.ts'
import { reclaim } from './observe.ts'
import { chainOf, findEntry } from './state.ts'
import type { State } from './state.ts'

/** A watch that nobody needs, or needs so much of, any more is kept this long: inventories come and go within a run. */
const lingerMs = 60_000

export interface Holding {
  /**
   * Whose health somebody waits for: all, or these inventory ids. Only kinds that are waited for are watched with their
   * status. Default: as before, at first none.
   */
  readonly waitsFor?: 'all' | readonly string[]
}

const nobody: ReadonlySet<string> = new Set()

interface Held extends Holding {
  readonly inventory: Inventory
}

/** The owner holds these objects beside those it held. */
export function holdObjects(state: State, owner: Owner, { inventory, waitsFor }: Held): void {
  const holder = holderOf(state, owner)
  const touched = new Set<KindWatch>()
  const added = inventory.flatMap(({ id, v }) => addEntry(state, holder, { id, version: v, touched }))
  if (added.length > 0) holder.entries = holder.entries.concat(added) // of its exact size: an array that grew keeps room for more
  if (waitsFor !== undefined) waitFor(holder, waitsFor, touched)
  for (const kind of touched) adjustKind(state, kind)
}

/** The owner holds these objects and no others. */
export function holdOnly(state: State, owner: Owner, held: Held): void {
  holdObjects(state, owner, held)
  const kept = new Set(held.inventory.map(({ id }) => id))
  dropEntries(state, holderOf(state, owner), (entry) => !kept.has(entry.id))
}

export function forgetOwner(state: State, owner: Owner): void {
  const holder = state.holders.get(showOwner(owner))
  if (holder === undefined) return
  dropEntries(state, holder, () => true)
  state.holders.delete(holder.key)
}

/** Opens what was held before the live set was started. */
export function openAll(state: State): void {
  for (const kind of state.kinds.values()) adjustKind(state, kind)
}

/** Looks once more for kinds that discovery did not know, and for those that it knew otherwise: in another version, without a status. */
export function reopenGroups(state: State, groups: ReadonlySet<string>): void {
  if (state.phase !== 'open') return
  for (const kind of state.kinds.values()) if (groups.has(kind.group)) open(state, kind)
}

/**
 * An answer was older than `seen`, a resourceVersion that was known before it was asked for: the API server was restored from a backup. A
 * watch that goes on at what was seen may hear nothing until the server is there again, so all is listed anew.
 */
export function relistKind(state: State, kind: KindWatch, seen: number): void {
  kind.position = Math.max(kind.position, seen)
  if (state.phase !== 'open' || !kind.listed) return // closed, or at it
  closeKind(kind)
  open(state, kind)
}

function holderOf(state: State, owner: Owner): Holder {
  const key = showOwner(owner)
  const known = state.holders.get(key)
  if (known !== undefined) return known
  const holder: Holder = { owner: { namespace: owner.namespace, name: owner.name }, key: flatten(key), entries: [], waitsFor: nobody, listeners: undefined }
  state.holders.set(holder.key, holder)
  return holder
}

interface Addition {
  readonly id: string
  readonly version: string
  readonly touched: Set<KindWatch>
}

function addEntry(state: State, holder: Holder, { id, version, touched }: Addition): readonly Entry[] {
  if (findEntry(state, holder.key, id) !== undefined) return []
  const kind = kindFor(state, id, version)
  if (kind === undefined) return [] // no id at all: nothing can be watched for it
  const entry = createEntry(state.entries.get(id)?.id ?? flatten(id), kind, holder)
  entry.next = state.entries.get(id)
  state.entries.set(entry.id, entry)
  kind.holders++
  if (isWaited(entry)) kind.waiters++
  touched.add(kind)
  return [entry]
}

/** Text of its own: one put together from parts, or cut out of a larger one, keeps those in memory. */
const flatten = (text: string): string => Buffer.from(text).toString()

function kindFor(state: State, id: string, version: string): KindWatch | undefined {
  const parsed = parseInventoryId(id)
  if (parsed === undefined) return undefined
  const key = groupKind(parsed)
  const known = state.kinds.get(key)
  if (known !== undefined) return known
  const kind = createKindWatch({ group: parsed.group, kind: parsed.kind, version }, key)
  state.kinds.set(key, kind)
  return kind
}

export const isWaited = ({ id, holder }: Entry): boolean => holder.waitsFor === 'all' || holder.waitsFor.has(id)

function waitFor(holder: Holder, waitsFor: 'all' | readonly string[], touched: Set<KindWatch>): void {
  const before = holder.entries.map(isWaited)
  holder.waitsFor = waitsFor === 'all' ? 'all' : waitsFor.length === 0 ? nobody : new Set(waitsFor)
  for (const [index, entry] of holder.entries.entries()) {
    const change = Number(isWaited(entry)) - Number(before[index])
    entry.kind.waiters += change
    if (change !== 0) touched.add(entry.kind)
  }
}

function dropEntries(state: State, holder: Holder, isDropped: (entry: Entry) => boolean): void {
  const dropped = holder.entries.filter(isDropped)
  if (dropped.length === 0) return
  holder.entries = holder.entries.filter((entry) => !isDropped(entry))
  for (const entry of dropped) {
    unchain(state, entry)
    state.suspicions.delete(entry)
    state.deferred.delete(entry)
    entry.kind.holders--
    if (isWaited(entry)) entry.kind.waiters--
  }
  for (const kind of new Set(dropped.map((entry) => entry.kind))) adjustKind(state, kind)
}

function unchain(state: State, entry: Entry): void {
  const rest = [...chainOf(state, entry.id)].filter((other) => other !== entry)
  for (const [index, other] of rest.entries()) other.next = rest[index + 1]
  const [first] = rest
  if (first === undefined) state.entries.delete(entry.id)
  else state.entries.set(entry.id, first)
  for (const other of rest) reclaim(state, other)
}

/** Opens at once what is needed; closes or narrows after a while. */
function adjustKind(state: State, kind: KindWatch): void {
  if (state.phase !== 'open') return
  const isNeeded = kind.holders > 0
  const isNarrowed = kind.handle !== undefined && kind.whole && !wantsWhole(kind)
  if (isNeeded && !isNarrowed) {
    clearTimeout(kind.closing)
    kind.closing = undefined
    open(state, kind)
    return
  }
  kind.closing ??= setTimeout(() => settle(state, kind), lingerMs).unref()
}

function settle(state: State, kind: KindWatch): void {
  kind.closing = undefined
  if (state.phase !== 'open') return
  if (kind.holders > 0) return open(state, kind)
  closeKind(kind)
  state.kinds.delete(kind.key)
}

function open(state: State, kind: KindWatch): void {
  openKind(state.kube, kind, state.sink).catch((error: unknown) => {
    state.telemetry.log.error('a kind of the live set cannot be opened', { kind: kind.key, error })
  })
}
