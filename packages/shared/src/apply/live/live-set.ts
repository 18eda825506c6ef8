import { fieldManagers } from '@weir/shared/api'
import type { KubeError, KubeObject } from '@weir/shared/kube'
import { parseInventoryId, showOwner } from '@weir/shared/manifest'
import type { ObjectRef, Owner } from '@weir/shared/manifest'
import { overriding } from '../fields/managed-fields.ts'
import type { Inventory } from '../inventory.ts'
import { createLiveMetrics } from './live-metrics.ts'
import type { DriftCause } from './drift.ts'
import { bit, has } from './entry.ts'
import type { Entry } from './entry.ts'
import type { Facts } from './facts.ts'
import { versionOf } from './facts.ts'
import { forgetOwner, holdObjects, holdOnly, openAll, relistKind, reopenGroups } from './holding.ts'
import type { Holding } from './holding.ts'
import { closeKind, isFresh } from './kind-watch.ts'
import type { KindSink, KindWatch } from './kind-watch.ts'
import { doubtHealth, readFacts, rewind, seeAll, seeGone, seeObject } from './observe.ts'
import { chainOf } from './state.ts'
import type { LiveSetOptions, State } from './state.ts'

/** An object that may have drifted. */
export interface Suspect {
  /** Inventory id. */
  readonly id: string
  readonly ref: ObjectRef
  readonly cause: DriftCause
}

/** What is known, by watch, of the owned objects as they are in one cluster. */
export interface LiveSet {
  /** Opens the watches. What is held before costs one list a kind, and nothing held by then is missed. */
  start(): void
  /** The owner holds these objects and no others: after a start for every inventory, and at the end of a run. */
  track(owner: Owner, inventory: Inventory, holding?: Holding): void
  /** The owner holds these objects too: before they are written. */
  hold(owner: Owner, inventory: Inventory, holding?: Holding): void
  forget(owner: Owner): void
  /** Resolves once every kind that the owner holds was listed, or is known to be unwatchable or not served. Rejects with the signal's reason. */
  synced(owner: Owner, signal: AbortSignal): Promise<void>
  /** What should be corrected, in no order. An object that another holder's labels claim is never among them. */
  suspects(owner: Owner): readonly Suspect[]
  /** Kinds that cannot be watched now, and why. */
  unwatched(): readonly { readonly kind: string; readonly error: KubeError }[]
  size(): { readonly objects: number; readonly kinds: number; readonly watches: number }
  close(): void
  /** For the writers of this room alone. */
  readonly state: State
}

export function createLiveSet(options: LiveSetOptions): LiveSet {
  const state = createState(options)
  const stopListening = state.kube.discovery.onChange((groups) => reopenGroups(state, groups))
  const stopMetrics = createLiveMetrics(options.telemetry.metrics, state)
  return {
    state,
    start() {
      if (state.phase !== 'new') return
      state.phase = 'open'
      openAll(state)
    },
    track: (owner, inventory, holding) => holdOnly(state, owner, { inventory, ...holding }),
    hold: (owner, inventory, holding) => holdObjects(state, owner, { inventory, ...holding }),
    forget: (owner) => forgetOwner(state, owner),
    synced: (owner, signal) => untilSynced(state, owner, signal),
    suspects: (owner) => suspectsOf(state, owner),
    unwatched: () => [...state.kinds.values()].flatMap(({ key, trouble }) => (trouble === undefined ? [] : [{ kind: key, error: trouble }])),
    size: () => ({ objects: state.entries.size, kinds: state.kinds.size, watches: [...state.kinds.values()].filter(({ handle }) => handle !== undefined).length }),
    close() {
      state.phase = 'closed'
      stopListening()
      stopMetrics()
      for (const kind of state.kinds.values()) {
        clearTimeout(kind.closing)
        closeKind(kind)
      }
      for (const { abort } of state.foreign.values()) abort.abort()
    },
  }
}

/** Asks for an object that no watch vouches for: its entry then holds what the API server said. */
export async function readEntry(state: State, entry: Entry, signal: AbortSignal): Promise<void> {
  const { kind } = entry
  const id = parseInventoryId(entry.id)
  const resource = kind.resource ?? (await state.kube.discovery.resource({ group: kind.group, kind: kind.kind }, signal))
  if (resource === undefined || id === undefined) return
  const whole = resource.status && kind.waiters > 0
  const known = entry.version
  const object = await state.kube.get({ resource, namespace: id.namespace, name: id.name }, { signal, metadataOnly: !whole })
  // Without an answer there is no resourceVersion to compare: what we knew was there is not any more.
  if (object === undefined) return seeGone(state, entry.id, entry.version)
  const facts = readFacts(state, kind, { object, whole })
  // Older than what was known before it was asked for. Of an object that was gone that may be: it lost our labels and lived on.
  if (facts.version < known && has(entry, bit.present)) {
    for (const each of chainOf(state, entry.id)) rewind(each)
    relistKind(state, kind, known)
  }
  seeObject(state, entry.id, facts)
}

/** What the entry says of the object is what a read would say. */
export const isTrusted = (entry: Entry): boolean => has(entry, bit.known) && isFresh(entry.kind)

function createState({ kube, telemetry, manager = fieldManagers.kustomizeApply, overrideManagers = [], ...told }: LiveSetOptions): State {
  const state: State = {
    kube,
    telemetry,
    manager,
    isOverridden: overriding(manager, overrideManagers),
    onDrift: told.onDrift,
    onCurrent: told.onCurrent ?? (() => undefined),
    onUnwatched: told.onUnwatched ?? (() => undefined),
    now: told.now ?? Date.now,
    sink: {
      factsFor: (kind, id, object) => factsFor(state, { kind, id, object }),
      replaced: (kind, seen, resourceVersion) => seeAll(state, { kind, seen, resourceVersion }),
      seen: (id, facts) => seeObject(state, id, facts),
      gone: (id, resourceVersion) => seeGone(state, id, versionOf(resourceVersion)),
      gainedStatus: (kind) => doubtHealth(state, kind),
      unwatched: (kind, error) => refused(state, kind, error),
      moved: () => {
        for (const look of state.settling) look()
      },
    } satisfies KindSink,
    entries: new Map(),
    holders: new Map(),
    kinds: new Map(),
    suspicions: new Map(),
    deferred: new Map(),
    foreign: new Map(),
    settling: new Set(),
    phase: 'new',
  }
  return state
}

function factsFor(state: State, { kind, id, object }: { kind: KindWatch; id: string; object: KubeObject }): Facts | undefined {
  return state.entries.has(id) ? readFacts(state, kind, { object, whole: kind.whole }) : undefined
}

function refused(state: State, kind: KindWatch, error: KubeError): void {
  state.telemetry.log.info('kind cannot be watched', { kind: kind.key, code: error.code })
  state.onUnwatched(kind.key, error)
}

function suspectsOf(state: State, owner: Owner): readonly Suspect[] {
  const entries = state.holders.get(showOwner(owner))?.entries ?? []
  return entries.flatMap((entry) => {
    const suspicion = has(entry, bit.suspect) && !has(entry, bit.taken) ? state.suspicions.get(entry) : undefined
    const id = parseInventoryId(entry.id)
    if (suspicion === undefined || id === undefined) return []
    const version = entry.kind.resource?.version ?? entry.kind.version
    return [{ id: entry.id, ref: { ...id, version }, cause: suspicion.cause }]
  })
}

function untilSynced(state: State, owner: Owner, signal: AbortSignal): Promise<void> {
  const isSynced = (): boolean => (state.holders.get(showOwner(owner))?.entries ?? []).every(({ kind }) => kind.settled)
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const leave = (): void => {
      state.settling.delete(look)
      signal.removeEventListener('abort', stop)
    }
    const stop = (): void => {
      leave()
      reject(signal.reason)
    }
    const look = (): void => {
      if (!isSynced()) return
      leave()
      resolve()
    }
    state.settling.add(look)
    signal.addEventListener('abort', stop, { once: true })
    look()
  })
}

/** Another owner that holds the object too and that its labels name: applying it takes it away from that one. */
export function sharerOf(state: State, entry: Entry): Owner | undefined {
  return [...chainOf(state, entry.id)].find((other) => other !== entry && has(other, bit.present) && has(other, bit.labelled))?.holder.owner
}
