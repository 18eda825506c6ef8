import type { Owner } from '@weir/shared/manifest'
import type { Health } from '../health/verdict.ts'
import { unknown } from '../health/verdict.ts'
import { skipsApply } from '../switches.ts'
import type { Switches } from '../switches.ts'
import type { Facts } from './facts.ts'
import type { KindWatch } from './kind-watch.ts'

/**
 * What stays in memory of one object that one owner holds: under 300 bytes with its id, so everything here is a number, a
 * shared constant or a short string. An object that two owners hold has two entries, chained by `next`.
 */
export interface Entry {
  /** Inventory id. */
  readonly id: string
  readonly kind: KindWatch
  readonly holder: Holder
  next: Entry | undefined
  /** As bytes in a string; `''` while nothing was seen. */
  uid: string
  /** resourceVersion; 0: never seen. */
  version: number
  generation: number
  fields: number
  fieldsAt: number
  /** Digest of what this process applied last; undefined: the object may hold anything. */
  applied: number | undefined
  health: Health
  bits: number
}

/** An owner and what it holds. */
export interface Holder {
  readonly owner: Owner
  /** `namespace/name`. */
  readonly key: string
  entries: readonly Entry[]
  waitsFor: 'all' | ReadonlySet<string>
  /** Told of every entry whose health or existence changed; undefined while nobody listens. */
  listeners: Set<(entry: Entry) => void> | undefined
}

/** Returns the way to stop. */
export function listen(holder: Holder, listener: (entry: Entry) => void): () => void {
  const listeners = (holder.listeners ??= new Set())
  listeners.add(listener)
  return () => {
    listeners.delete(listener)
    if (listeners.size === 0 && holder.listeners === listeners) holder.listeners = undefined
  }
}

export const bit = {
  /** It is in the cluster, as far as is known. */
  present: 1,
  /** Seen or sought at least once: `present` can be believed. */
  known: 2,
  /** Somebody wrote to it what we should correct. */
  suspect: 4,
  /** Left alone by a switch: no drift, no wait. */
  skipped: 8,
  /** The declared object itself says to leave it alone, whatever the live one says. */
  skippedByUs: 16,
  /** A write of ours is on its way. */
  writing: 32,
  /** We are about to delete it. */
  released: 64,
  /** Its disappearance is no drift: a Job that cleans up after itself. */
  vanishes: 128,
  overridden: 256,
  /** Its labels name another owner that holds it too. */
  taken: 512,
  /** Overridden writers keep their fields. */
  merges: 1024,
  /** Its labels name the holder. */
  labelled: 2048,
} as const

/** The live switches stand above the flags. */
const switchShift = 16

export const has = (entry: Entry, flag: number): boolean => (entry.bits & flag) !== 0

export function put(entry: Entry, flag: number, on: boolean): void {
  entry.bits = on ? entry.bits | flag : entry.bits & ~flag
}

export const liveSwitches = (entry: Entry): Switches => entry.bits >>> switchShift

/** A switch keeps us from it: no apply, no drift, no wait. */
export const isLeftAlone = (entry: Entry): boolean => has(entry, bit.skipped) || (has(entry, bit.present) && skipsApply(0, liveSwitches(entry)))

export function createEntry(id: string, kind: KindWatch, holder: Holder): Entry {
  // A plain literal: V8 gives objects made with a spread a larger shape.
  return { id, kind, holder, next: undefined, uid: '', version: 0, generation: 0, fields: 0, fieldsAt: 0, applied: undefined, health: unknown, bits: 0 }
}

/** Takes over what was seen; who judges drift does so before. */
export function remember(entry: Entry, facts: Facts): void {
  entry.uid = packUid(facts.uid)
  entry.version = facts.version
  entry.generation = facts.generation
  entry.fields = facts.fields
  entry.fieldsAt = facts.fieldsAt
  entry.health = facts.health
  entry.bits = (entry.bits & ((1 << switchShift) - 1)) | (facts.switches << switchShift) | bit.present | bit.known
  put(entry, bit.overridden, facts.overridden)
  put(entry, bit.labelled, facts.owner === entry.holder.key)
}

/** A uid of 36 characters as 16: with one for every object of a fleet, that counts. Others are kept as they are. */
function packUid(uid: string): string {
  const packed = Buffer.from(uid.replaceAll('-', ''), 'hex').toString('latin1')
  return packed.length === 16 && unpackUid(packed) === uid ? packed : uid
}

export function unpackUid(packed: string): string {
  if (packed.length !== 16) return packed
  const hex = Buffer.from(packed, 'latin1').toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
