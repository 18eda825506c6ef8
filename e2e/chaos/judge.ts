import { fieldManagers, labels, type Condition, type Kind, type Kustomization } from '@weir/shared/api'
import type { Kube, KubeObject } from '@weir/shared/kube'
import { inventoryId, parseApiVersion } from '@weir/shared/manifest'
import { expectStatus } from '@weir/shared/testing'
import { compareDeclared, declaredPaths } from '../declared-fields.ts'
import { findCanaries } from '../invariants.ts'
import type { Expected } from './expected.ts'
import type { Unit } from './fleet-plan.ts'
import type { Site } from './render-unit.ts'
import { deployments, namespaces } from './stand-in.ts'

const core = (kind: string): Kind => ({ group: '', version: 'v1', kind, plural: `${kind.toLowerCase()}s`, namespaced: true })
const definitions: Kind = { group: 'apiextensions.k8s.io', version: 'v1', kind: 'CustomResourceDefinition', plural: 'customresourcedefinitions', namespaced: false }
const roles: Kind = { group: 'rbac.authorization.k8s.io', version: 'v1', kind: 'Role', plural: 'roles', namespaced: true }

/** Kinds that a unit may hold, but for its own. */
export const ownedKinds: readonly Kind[] = [core('ConfigMap'), core('Secret'), core('ServiceAccount'), core('Service'), roles, deployments, namespaces, definitions]

/** `inventory.entries[].id` of an object. */
export function idOf({ apiVersion, kind, metadata }: KubeObject): string {
  return inventoryId({ ...parseApiVersion(apiVersion), kind, namespace: metadata.namespace ?? '', name: metadata.name })
}

interface Owned {
  readonly unit: string
  readonly object: KubeObject
}

/** What carries the owner labels of a seed's Kustomizations, by id. */
export async function listOwned(kube: Kube, { namespace }: Site, further: readonly Kind[] = []): Promise<ReadonlyMap<string, Owned>> {
  const listings = await Promise.all([...ownedKinds, ...further].map((kind) => kube.list(kind, { labelSelector: `${labels.ownerNamespace}=${namespace}` }).catch(() => ({ items: [] }))))
  const living = listings.flatMap(({ items }) => items).filter(({ metadata }) => metadata.deletionTimestamp === undefined)
  return new Map(living.map((object) => [idOf(object), { unit: object.metadata.labels?.[labels.ownerName] ?? '', object }] as const))
}

/** Of a list of ids: which are there and should not be, and the reverse. */
export function compareSets(what: string, found: readonly string[], wanted: readonly string[]): readonly string[] {
  const [here, there] = [new Set(found), new Set(wanted)]
  return [...found.filter((id) => !there.has(id)).map((id) => `${what}: ${id} is left over`), ...wanted.filter((id) => !here.has(id)).map((id) => `${what}: ${id} is missing`)].sort()
}

export interface EndState {
  readonly site: Site
  /** Only these units are judged; default: all, and whatever carries labels of a unit that is gone. */
  readonly only?: ReadonlySet<string>
  readonly units: readonly Unit[]
  readonly expected: readonly Expected[]
  /** Units whose objects may stay behind: they are, or were, not to be pruned. */
  readonly unpruned: ReadonlySet<string>
  readonly kustomizations: ReadonlyMap<string, Kustomization>
}

/** How the cluster differs from a clean apply of the last revision; none is how it should be. */
export async function judgeEndState(kube: Kube, { site, only, units: all, expected: declared, unpruned, kustomizations }: EndState): Promise<readonly string[]> {
  const isJudged = (unit: string): boolean => only?.has(unit) ?? true
  const [units, expected] = [all.filter(({ name }) => isJudged(name)), declared.filter(({ unit }) => isJudged(unit))]
  const widgets = expected.filter(({ object }) => object.kind === 'Widget').map(({ object }): Kind => ({ ...parseApiVersion(object.apiVersion), kind: 'Widget', plural: 'widgets', namespaced: true }))
  const owned = await listOwned(kube, site, widgets)
  const wanted = new Map(expected.map(({ unit, object }) => [idOf(object), unit]))
  const found = [...owned].filter(([id, { unit }]) => wanted.has(id) || (isJudged(unit) && !unpruned.has(unit))).map(([id]) => id)
  const sets = compareSets('cluster', found, [...wanted.keys()])
  const inventories = units.flatMap(({ name }) => {
    const entries = kustomizations.get(name)?.status?.inventory?.entries.map(({ id }) => id) ?? []
    const theirs = expected.filter(({ unit }) => unit === name).map(({ object }) => idOf(object))
    return compareSets(`inventory of ${name}`, entries, theirs)
  })
  const fields = await Promise.all(
    expected.map(async (each) => {
      const live = owned.get(idOf(each.object))
      if (live === undefined) return []
      if (live.unit !== each.unit) return [`${idOf(each.object)} is owned by ${live.unit} and declared by ${each.unit}`]
      return compareWithCleanApply(kube, live.object, each.object)
    }),
  )
  return [...sets, ...inventories, ...fields.flat()]
}

const judgeManager = 'chaos-judge'

/** The live object beside what a clean apply would make of it, in what either declares; neither may declare more. */
async function compareWithCleanApply(kube: Kube, live: KubeObject, declared: KubeObject): Promise<readonly string[]> {
  const { group, version } = parseApiVersion(declared.apiVersion)
  const resource = await kube.discovery.resource({ group, version, kind: declared.kind })
  if (resource === undefined) return [`${idOf(declared)} is not served`]
  const target = { resource, namespace: declared.metadata.namespace ?? '', name: declared.metadata.name }
  const clean = await kube.apply(target, declared, { manager: judgeManager, force: true, dryRun: true })
  return compareObjects(live, clean).map((difference) => `${idOf(declared)} ${difference}`)
}

/** `clean` is what an apply by the judge answered. Exported for its test. */
export function compareObjects(live: KubeObject, clean: KubeObject): readonly string[] {
  const [ours, theirs] = [{ object: live, manager: fieldManagers.kustomizeApply as string }, { object: clean, manager: judgeManager }]
  const pathsOf = (side: typeof ours): readonly string[] => declaredPaths(side).map((path) => path.join(' '))
  const edited = (live.metadata.managedFields ?? []).filter(({ manager }) => manager?.startsWith('kubectl')).map(({ manager }) => `${manager} still holds fields`)
  return [...compareDeclared(ours, theirs), ...compareSets('declared', pathsOf(ours), pathsOf(theirs)), ...edited]
}

/** An object whose text tells a secret. */
export function judgeText(object: KubeObject, canaries: readonly string[]): readonly string[] {
  const name = `${object.kind} ${object.metadata.name}`
  return findCanaries(canaries, new Map([[name, JSON.stringify(object)]])).map((each) => `a secret can be read in: ${each}`)
}

/** Rules that hold at every moment, whatever goes on: a status says why it is not ready, and is one that a client can act on. */
export function judgeStatus(object: KubeObject): readonly string[] {
  const { metadata, kind } = object
  const status = object['status'] as { readonly conditions?: readonly Condition[]; readonly observedGeneration?: number } | undefined
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')
  if (ready === undefined) return [] // nothing has looked at it yet
  const silent = ready.status !== 'True' && (ready.reason === '' || ready.message === '') ? [`${kind} ${metadata.name} is not ready and does not say why`] : []
  if (status?.observedGeneration !== metadata.generation) return silent
  try {
    expectStatus({ kind, metadata, status }, { midRun: true })
    return silent
  } catch (error) {
    return [...silent, error instanceof Error ? error.message : String(error)]
  }
}

