import type { InventoryEntry } from '@weir/shared/api'
import { KubeError } from '@weir/shared/kube'
import type { Kube, KubeObject, Resource } from '@weir/shared/kube'
import { ownerOf, parseInventoryId, showObject, showOwner } from '@weir/shared/manifest'
import type { ObjectRef, Owner } from '@weir/shared/manifest'
import type { Action, Change } from './change.ts'
import type { Inventory } from './inventory.ts'
import { unreadable } from './inventory.ts'
import { bit, has, liveSwitches, put, unpackUid } from './live/entry.ts'
import type { Entry } from './live/entry.ts'
import { isTrusted } from './live/live-set.ts'
import type { LiveSet } from './live/live-set.ts'
import { findEntry } from './live/state.ts'
import { toDeletionRanks } from './stages.ts'
import { keepsFromPrune, readSwitches } from './switches.ts'
import { settleAll, unlimited } from './write/parallel.ts'
import type { Limiter } from './write/parallel.ts'

export interface PruneOptions {
  readonly owner: Owner
  /** Entries that left the inventory. Keep them held in the live set until this is over. */
  readonly stale: Inventory
  readonly kube: Kube
  readonly live: LiveSet
  /** Deletions of one rank at once. Default 4. */
  readonly concurrency?: number
  readonly limit?: Limiter
  readonly signal: AbortSignal
}

export interface PruneResult {
  /**
   * Every stale object: `deleted` (also when it was gone already) or `skipped` (also where no object can have such an id); those that
   * failed are in `failures`.
   */
  readonly changes: readonly Change[]
  /** What could not be deleted: belongs back into the inventory. */
  readonly survivors: Inventory
  readonly failures: readonly PruneFailure[]
  /** `delete failed, errors: …` (contract 4.9); undefined when nothing failed. */
  readonly message: string | undefined
}

export interface PruneFailure {
  readonly entry: InventoryEntry
  readonly ref: ObjectRef | undefined
  readonly message: string
  /** Trouble with the API server, or doubt about a kind: it may be over at the next try. */
  readonly isTransient: boolean
}

/**
 * Deletes stale objects in reverse order of an apply, never on doubt: each must have the very id that the inventory names, carry the
 * owner's labels, be the very object that was looked at, and carry no switch that protects it. A kind that is not served counts as
 * deleted only if the API server says for certain that it is gone. Rejects with the signal's reason alone.
 */
export async function prune(options: PruneOptions): Promise<PruneResult> {
  const { stale, owner, live, signal } = options
  const candidates = stale.flatMap((entry): readonly Candidate[] => {
    const id = parseInventoryId(entry.id)
    return id === undefined ? [] : [{ entry, ref: { ...id, version: entry.v }, known: findEntry(live.state, showOwner(owner), entry.id) }]
  })
  for (const { known } of candidates) if (known !== undefined) put(known, bit.released, true)
  const changes: Change[] = []
  const failures: PruneFailure[] = unreadable(stale).map((id) => badEntry(stale, id))
  for (const rank of toDeletionRanks(candidates, ({ ref }) => ref)) {
    const results = await settleAll(rank, options.concurrency ?? 4, (candidate) => deleteOne(options, candidate))
    signal.throwIfAborted()
    for (const [index, result] of results.entries()) {
      const candidate = rank[index]
      if (candidate === undefined) continue
      if (result.status === 'fulfilled') changes.push({ ref: candidate.ref, action: result.value })
      else failures.push(failureOf(candidate, result.reason))
    }
  }
  for (const { known, entry } of candidates) if (known !== undefined && failures.some((failure) => failure.entry === entry)) put(known, bit.released, false)
  return { changes, failures, survivors: failures.map(({ entry }) => entry), message: messageOf(failures) }
}

interface Candidate {
  readonly entry: InventoryEntry
  readonly ref: ObjectRef
  readonly known: Entry | undefined
}

/** What must be known of an object before it may be deleted. */
interface Seen {
  readonly isOurs: boolean
  readonly isKept: boolean
  readonly uid: string
  readonly resourceVersion: string
}

const conflictTries = 5

async function deleteOne(options: PruneOptions, candidate: Candidate): Promise<Action> {
  const { kube, signal, limit = unlimited } = options
  const { ref } = candidate
  const resource = await lookUp(kube, ref, signal)
  if (typeof resource === 'string') return resource
  const target = { resource, namespace: ref.namespace, name: ref.name }
  const read = async (): Promise<Seen | undefined> => {
    const object = await limit(() => kube.get(target, { signal, metadataOnly: true }))
    return object && seenOf(object, options.owner)
  }
  let seen = knownOf(candidate.known) ?? (await read())
  for (let attempt = 1; ; attempt++) {
    if (seen === undefined) return 'deleted'
    if (!seen.isOurs || seen.isKept) return 'skipped'
    const { uid, resourceVersion } = seen
    try {
      await limit(() => kube.delete(target, { uid, resourceVersion, propagation: 'Background', signal }))
      return 'deleted'
    } catch (error) {
      const isRace = error instanceof KubeError && error.code === 'conflict' && attempt < conflictTries
      if (!isRace) throw error
    }
    seen = await read() // it has moved, or is another object by now
  }
}

/**
 * `deleted`: the kind is gone, for certain, and all objects of it; `skipped`: no object of the kind can have this id. Throws Doubt where
 * that is not certain.
 */
async function lookUp(kube: Kube, ref: ObjectRef, signal: AbortSignal): Promise<Resource | 'deleted' | 'skipped'> {
  const { group, kind, version } = ref
  const resource = (await kube.discovery.resource({ group, kind, version }, signal)) ?? (await kube.discovery.resource({ group, kind }, signal))
  if (resource !== undefined) return mayBeNamed(resource, ref) ? resource : 'skipped'
  const absence = await kube.discovery.absent({ group, kind }, signal)
  signal.throwIfAborted()
  if (absence === 'gone') return 'deleted'
  throw new Doubt(`the API server does not serve ${kind} in ${group === '' ? 'the core group' : group} now, and that the kind is gone is not certain`)
}

/**
 * Whether an object of the kind can have this id. One that was declared while nobody served its kind was taken as written: a namespace
 * on what is cluster-scoped, or none on what is not. No object has that id, and the one that its name leads to is in the inventory under
 * its own id, or somebody else's.
 */
const mayBeNamed = ({ namespaced }: Resource, { namespace }: ObjectRef): boolean => namespaced === (namespace !== '')

class Doubt extends Error {
  override readonly name = 'Doubt'
}

function knownOf(entry: Entry | undefined): Seen | undefined {
  if (entry === undefined || !isTrusted(entry) || !has(entry, bit.present) || has(entry, bit.taken)) return undefined
  if (entry.version === 0 || !has(entry, bit.labelled)) return undefined
  return { isOurs: true, isKept: keepsFromPrune(liveSwitches(entry)), uid: unpackUid(entry.uid), resourceVersion: String(entry.version) }
}

function seenOf(object: KubeObject, owner: Owner): Seen {
  const { uid = '', resourceVersion = '' } = object.metadata
  const labelled = ownerOf(object)
  const isOurs = labelled !== undefined && showOwner(labelled) === showOwner(owner)
  return { isOurs, isKept: keepsFromPrune(readSwitches(object)), uid, resourceVersion }
}

function failureOf({ entry, ref }: Candidate, reason: unknown): PruneFailure {
  if (reason instanceof Doubt) return { entry, ref, message: `${showObject(ref)} delete failed: ${reason.message}`, isTransient: true }
  if (!(reason instanceof KubeError)) throw reason
  const isTransient = ['throttled', 'timeout', 'unreachable', 'server', 'unauthorized', 'fenced', 'gone', 'not-served', 'conflict'].includes(reason.code)
  return { entry, ref, message: `${showObject(ref)} delete failed: ${reason.message}`, isTransient }
}

function badEntry(stale: Inventory, id: string): PruneFailure {
  const entry = stale.find((at) => at.id === id) ?? { id, v: '' }
  return { entry, ref: undefined, message: `inventory entry ${JSON.stringify(id)} is not <namespace>_<name>_<group>_<Kind>`, isTransient: false }
}

function messageOf(failures: readonly PruneFailure[]): string | undefined {
  if (failures.length === 0) return undefined
  return `delete failed, errors: ${failures.map(({ message }) => `${message};`).toSorted().join('')}`
}
