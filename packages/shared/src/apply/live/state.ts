import type { Telemetry } from '@weir/shared/telemetry'
import type { Kube, KubeError } from '@weir/shared/kube'
import type { Owner } from '@weir/shared/manifest'
import type { Overridden } from '../fields/managed-fields.ts'
import type { Suspicion } from './drift.ts'
import type { Entry, Holder } from './entry.ts'
import type { Facts } from './facts.ts'
import type { ForeignWatch } from './foreign.ts'
import type { KindSink, KindWatch } from './kind-watch.ts'

export interface LiveSetOptions {
  /** Under the controller's own identity: impersonation never reaches the live set. */
  readonly kube: Kube
  readonly telemetry: Telemetry
  /** Field manager of our applies. Default `kustomize-controller`. */
  readonly manager?: string
  /** `--override-manager`: prefixes of writers whose fields are taken over, beside kubectl's. */
  readonly overrideManagers?: readonly string[]
  /** Something that this owner holds may have drifted: see `suspects`. Told once for each object until it is written again. */
  readonly onDrift: (owner: Owner) => void
  /** The last of what this owner waits for has become current. */
  readonly onCurrent?: (owner: Owner) => void
  /** This kind cannot be watched (worth one Warning): its objects are asked for one by one. */
  readonly onUnwatched?: (kind: string, error: KubeError) => void
  readonly now?: () => number
}

/** What an event meant for an entry that we were writing at that moment; looked at once our answer is there. */
export type Deferred = { readonly kind: 'seen'; readonly facts: Facts } | { readonly kind: 'gone'; readonly version: number }

/** All that a live set knows. */
export interface State {
  readonly kube: Kube
  readonly telemetry: Telemetry
  readonly manager: string
  readonly isOverridden: Overridden
  readonly onDrift: (owner: Owner) => void
  readonly onCurrent: (owner: Owner) => void
  readonly onUnwatched: (kind: string, error: KubeError) => void
  readonly now: () => number
  readonly sink: KindSink
  /** By inventory id: the first of the entries of an object. */
  readonly entries: Map<string, Entry>
  readonly holders: Map<string, Holder>
  readonly kinds: Map<string, KindWatch>
  /** Few at a time: what is known of entries that are suspect. */
  readonly suspicions: Map<Entry, Suspicion>
  readonly deferred: Map<Entry, Deferred>
  readonly foreign: Map<string, ForeignWatch>
  /** Told whenever a kind was listed, opened or given up. */
  readonly settling: Set<() => void>
  phase: 'new' | 'open' | 'closed'
}

/** All entries of one object. */
export function* chainOf(state: State, id: string): Generator<Entry> {
  for (let entry = state.entries.get(id); entry !== undefined; entry = entry.next) yield entry
}

export function findEntry(state: State, holderKey: string, id: string): Entry | undefined {
  for (const entry of chainOf(state, id)) if (entry.holder.key === holderKey) return entry
  return undefined
}
