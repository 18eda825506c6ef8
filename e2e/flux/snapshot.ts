import { isDeepStrictEqual } from 'node:util'
import { kustomizationKind, type Kustomization } from '@weir/shared/api'
import type { AuditEntry } from '@weir/shared/control-plane'
import type { Kube, KubeObject } from '@weir/shared/kube'
import { fieldAt, isFields, parseInventoryId, showObject } from '@weir/shared/manifest'
import { declaredPaths } from '../declared-fields.ts'
import { namespace } from './world.ts'

/** A fleet at one moment, as the API server has it. */
export interface Snapshot {
  /** By name, with their status. */
  readonly kustomizations: ReadonlyMap<string, Kustomization>
  /** Everything in an inventory, by inventory id. */
  readonly objects: ReadonlyMap<string, KubeObject>
}

/** Reads every Kustomization of the namespace and every object that one of them has in its inventory; one that is missing is an error. */
export async function readSnapshot(kube: Kube): Promise<Snapshot> {
  const { items } = await kube.list(kustomizationKind, { namespace })
  const found = await Promise.all(items.map(({ metadata }) => kube.get({ resource: kustomizationKind, namespace, name: metadata.name })))
  const kustomizations = (found as readonly (Kustomization | undefined)[]).filter((each) => each !== undefined)
  const entries = kustomizations.flatMap(({ status }) => status?.inventory?.entries ?? [])
  const objects = await Promise.all(entries.map(async ({ id, v }) => [id, await readObject(kube, id, v)] as const))
  return { kustomizations: new Map(kustomizations.map((each) => [each.metadata.name, each])), objects: new Map(objects) }
}

async function readObject(kube: Kube, id: string, version: string): Promise<KubeObject> {
  const ref = parseInventoryId(id)
  if (ref === undefined) throw new Error(`${id} is no inventory id`)
  const resource = await kube.discovery.resource({ group: ref.group, version, kind: ref.kind })
  const object = resource && (await kube.get({ resource, namespace: ref.namespace, name: ref.name }))
  if (object === undefined) throw new Error(`${id} is in an inventory and not in the cluster`)
  return object
}

/**
 * What changed in managed objects between two moments, a sentence each: everything but who owns which field, the version number that counts writes,
 * and the status.
 */
export function changedObjects(before: Snapshot, after: Snapshot): readonly string[] {
  const ids = [...new Set([...before.objects.keys(), ...after.objects.keys()])].toSorted()
  return ids.flatMap((id) => differences(id, lasting(before.objects.get(id)), lasting(after.objects.get(id))))
}

function lasting(object: KubeObject | undefined): unknown {
  if (object === undefined) return undefined
  const { status: _status, ...rest } = object
  const { managedFields: _owners, resourceVersion: _version, ...metadata } = object.metadata
  return { ...rest, metadata }
}

/** What changed in the status of Kustomizations, a sentence each. */
export function changedStatus(before: Snapshot, after: Snapshot): readonly string[] {
  const names = [...new Set([...before.kustomizations.keys(), ...after.kustomizations.keys()])].toSorted()
  return names.flatMap((name) => differences(`${name} status`, before.kustomizations.get(name)?.status, after.kustomizations.get(name)?.status))
}

/** Where two values differ: the deepest places, with what is on either side. */
export function differences(at: string, before: unknown, after: unknown): readonly string[] {
  if (isDeepStrictEqual(before, after)) return []
  if (isFields(before) && isFields(after)) {
    return [...new Set([...Object.keys(before), ...Object.keys(after)])].toSorted().flatMap((key) => differences(`${at} .${key}`, before[key], after[key]))
  }
  if (Array.isArray(before) && Array.isArray(after) && before.length === after.length) {
    return before.flatMap((each: unknown, index) => differences(`${at} [${index}]`, each, after[index]))
  }
  return [`${at}: ${JSON.stringify(before)} became ${JSON.stringify(after)}`]
}

/** How the ownership of fields moved: of the manager that both systems apply as, and of all others. */
export interface Ownership {
  /** Fields that it declared before and does not any more, `Kind/namespace/name f:spec f:strategy`. */
  readonly given: readonly string[]
  readonly taken: readonly string[]
  /** Objects where an entry of somebody else is not as it was. */
  readonly others: readonly string[]
  /** Objects that were written, though only their managedFields changed. */
  readonly rewritten: readonly string[]
}

const manager = 'kustomize-controller'

export function movedOwnership(before: Snapshot, after: Snapshot): Ownership {
  const pairs = [...before.objects].flatMap(([id, was]) => {
    const is = after.objects.get(id)
    return is === undefined ? [] : [{ shown: shownOf(was), was, is }]
  })
  const lost = (from: KubeObject, to: KubeObject, shown: string): readonly string[] => {
    const kept = new Set(declaredPaths({ object: to, manager }).map((path) => path.join(' ')))
    return declaredPaths({ object: from, manager }).map((path) => path.join(' ')).filter((path) => !kept.has(path)).map((path) => `${shown} ${path}`)
  }
  return {
    given: pairs.flatMap(({ shown, was, is }) => lost(was, is, shown)).toSorted(),
    taken: pairs.flatMap(({ shown, was, is }) => lost(is, was, shown)).toSorted(),
    others: pairs.filter(({ was, is }) => !isDeepStrictEqual(entriesOfOthers(was), entriesOfOthers(is))).map(({ shown }) => shown).toSorted(),
    rewritten: pairs.filter(({ was, is }) => !isDeepStrictEqual(ownEntries(was), ownEntries(is))).map(({ shown }) => shown).toSorted(),
  }
}

function shownOf(object: KubeObject): string {
  return showObject({ kind: object.kind, namespace: object.metadata.namespace ?? '', name: object.metadata.name })
}

/** Controllers of Kubernetes write status whenever they like; what they own of the object itself stays. */
function entriesOfOthers(object: KubeObject): readonly unknown[] {
  const entries = object.metadata.managedFields ?? []
  return entries.filter((each) => each.manager !== manager && fieldAt(each, 'subresource') !== 'status').map(({ manager: name, operation, fieldsV1 }) => ({ name, operation, fieldsV1 }))
}

function ownEntries(object: KubeObject): readonly unknown[] {
  return (object.metadata.managedFields ?? []).filter((each) => each.manager === manager)
}

/** Writes that one client made, from the audit log. */
export interface Writes {
  /** Per Kustomization or source, `kustomizations/name`. */
  readonly status: Readonly<Record<string, number>>
  /** Per object that is no status: `patch deployments.apps shop/backend`. */
  readonly objects: Readonly<Record<string, number>>
}

export function countWrites(audit: readonly AuditEntry[], client: RegExp): Writes {
  const writes = audit.filter(({ verb, userAgent, requestUri, resource, code }) => {
    const isWrite = ['create', 'update', 'patch', 'delete', 'deletecollection'].includes(verb) && code < 300
    return isWrite && client.test(userAgent) && !requestUri.includes('dryRun=All') && resource !== 'leases' && resource !== 'events'
  })
  const [status, objects] = [writes.filter(({ subresource }) => subresource === 'status'), writes.filter(({ subresource }) => subresource !== 'status')]
  return {
    status: count(status.map(({ resource, name }) => `${resource}/${name}`)),
    objects: count(objects.map(({ verb, resource, group, namespace: where, name }) => `${verb} ${group === '' ? resource : `${resource}.${group}`} ${where === '' ? name : `${where}/${name}`}`)),
  }
}

function count(names: readonly string[]): Readonly<Record<string, number>> {
  return Object.fromEntries([...Map.groupBy(names, (name) => name)].map(([name, all]) => [name, all.length] as const).toSorted())
}
