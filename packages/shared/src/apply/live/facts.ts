import { inventoryId, ownerOf, shortDigest, showOwner } from '@weir/shared/manifest'
import type { Fields, KubeObject } from '@weir/shared/manifest'
import { hasRetired, otherEntries, ourEntry, takeOverPatch } from '../fields/managed-fields.ts'
import type { JsonPatchStep, Overridden } from '../fields/managed-fields.ts'
import { healthOf, healthOfMetadata } from '../health/health.ts'
import type { Health } from '../health/verdict.ts'
import { readSwitches } from '../switches.ts'
import type { Switches } from '../switches.ts'

/** What is read of an object as it arrives, before its body is dropped. */
export interface Facts {
  readonly uid: string
  readonly version: number
  readonly generation: number
  /** Digest of what our Apply entry owns; 0: it owns nothing. */
  readonly fields: number
  /** When our entry last changed, in seconds since 1970; 0: never. */
  readonly fieldsAt: number
  /** `namespace/name` of the owner that the labels name. */
  readonly owner: string | undefined
  readonly switches: Switches
  /** An overridden writer has an entry, or something retired is on the object. */
  readonly overridden: boolean
  /** What takes that over, if the object has not moved since; undefined where there is nothing to take. */
  readonly takeOver: readonly JsonPatchStep[] | undefined
  readonly health: Health
  readonly ours: Fields | undefined
  /** The other writers, the last one first, and what they own. */
  readonly others: readonly OtherWriter[]
}

/** Who wrote to an object, and when (RFC 3339). */
export interface Writer {
  readonly manager: string
  readonly at: string
}

export interface OtherWriter extends Writer {
  readonly fields: Fields
  readonly isOverridden: boolean
}

export interface FactsOptions {
  readonly manager: string
  readonly isOverridden: Overridden
  /** The object has its status and the kind reports one; otherwise health is read from the metadata. */
  readonly whole: boolean
  readonly now: number
}

export function factsOf(object: KubeObject, { manager, isOverridden, whole, now }: FactsOptions): Facts {
  const { metadata } = object
  const ours = ourEntry(metadata.managedFields, manager)
  const owner = ownerOf(object)
  const others = otherEntries(metadata.managedFields, manager)
  const overridden = others.some(isOverridden) || hasRetired(object)
  return {
    uid: metadata.uid ?? '',
    version: versionOf(metadata.resourceVersion),
    generation: metadata.generation ?? 0,
    fields: fieldsDigest(ours?.fieldsV1),
    fieldsAt: Math.floor(Date.parse(ours?.time ?? '1970-01-01T00:00:00Z') / 1000),
    owner: owner && showOwner(owner),
    switches: readSwitches(object),
    overridden,
    takeOver: overridden ? takeOverPatch(object, manager, isOverridden) : undefined,
    health: whole ? healthOf(object, now) : healthOfMetadata(object),
    ours: ours?.fieldsV1,
    others: others.map((entry) => ({ manager: entry.manager ?? '', at: entry.time ?? '', fields: entry.fieldsV1 ?? {}, isOverridden: isOverridden(entry) })),
  }
}

/** The inventory id of an object seen on a watch of `kind`: list answers leave kind and apiVersion out of their members. */
export function idOf(object: KubeObject, kind: { readonly group: string; readonly kind: string }): string {
  const { name, namespace } = object.metadata
  return inventoryId({ group: kind.group, kind: kind.kind, namespace: namespace ?? '', name })
}

/** Revisions of etcd stay far below 2^53. */
export function versionOf(resourceVersion: string | undefined): number {
  return resourceVersion !== undefined && /^\d+$/.test(resourceVersion) ? Number(resourceVersion) : 0
}

function fieldsDigest(fields: Fields | undefined): number {
  return fields === undefined ? 0 : shortDigest(JSON.stringify(fields))
}
