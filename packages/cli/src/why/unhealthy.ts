import { healthOf, type Health } from '@weir/shared/apply'
import type { KubeObject } from '@weir/shared/kube'
import { fieldAt, isFields, parseApiVersion, parseInventoryId } from '@weir/shared/manifest'
import { textAt } from '../get/row.ts'
import { finding, type Finding } from './finding.ts'
import type { ObjectName, Sighting } from './reader.ts'
import type { Walk } from './walk.ts'

/** Objects explained in full; the others are counted. */
const mostExplained = 5
const readsAtOnce = 8

/** How an object belongs to its Kustomization: one that `healthChecks` alone names was never applied by it. */
type Relation = 'applied' | 'checks'

interface Named {
  readonly name: ObjectName
  readonly relation: Relation
}

interface Seen extends Named {
  readonly sighting: Sighting
  readonly health: Health['status']
}

export interface Unhealthy {
  readonly causes: readonly Finding[]
  readonly facts: readonly string[]
}

/** The objects of a Kustomization that are not current: those it applied and those that its healthChecks name. */
export async function findUnhealthy(kustomization: KubeObject, walk: Walk): Promise<Unhealthy> {
  const applied = inventoryOf(kustomization)
  const checked = healthChecksOf(kustomization).filter((check) => !applied.some((entry) => isSame(entry, check)))
  const { causes, facts, seen } = await explainUnhealthy([...related(applied, 'applied'), ...related(checked, 'checks')], walk)
  return { causes, facts: seen > 0 && causes.length === 0 ? [`all ${seen} of its objects are current by now`] : facts }
}

/** Of a Kustomization that is ready, which without `wait` says nothing about its workloads: those that do not run. */
export async function findUnhealthyWorkloads(kustomization: KubeObject, walk: Walk): Promise<Unhealthy> {
  const names = inventoryOf(kustomization).filter(({ group, kind }) => group === 'apps' || group === 'batch' || kind === 'Pod')
  const { causes, facts } = await explainUnhealthy(related(names, 'applied'), walk)
  return { causes, facts }
}

function related(names: readonly ObjectName[], relation: Relation): readonly Named[] {
  return names.map((name) => ({ name, relation }))
}

/** The version says how to read it, not which it is. */
function isSame(one: ObjectName, other: ObjectName): boolean {
  return (['group', 'kind', 'namespace', 'name'] as const).every((field) => one[field] === other[field])
}

async function explainUnhealthy(all: readonly Named[], walk: Walk): Promise<Unhealthy & { readonly seen: number }> {
  const names = all.filter(({ name }) => !walk.above.includes(`${name.kind}/${name.namespace}/${name.name}`))
  const seen = await lookAtAll(names, walk)
  const unhealthy = seen.filter(({ health }) => health !== 'Current').toSorted((a, b) => urgency[a.health] - urgency[b.health])
  const causes: Finding[] = []
  for (const one of unhealthy.slice(0, mostExplained)) causes.push({ ...(await explainSeen(one, walk)), relation: one.relation })
  const more = unhealthy.length - causes.length
  return { causes, facts: more > 0 ? [`${more} more of its objects are not current`] : [], seen: names.length }
}

/** What failed comes before what is merely on its way. */
const urgency: Readonly<Record<Health['status'], number>> = { Failed: 0, NotFound: 1, InProgress: 2, Terminating: 3, Unknown: 4, Current: 5 }

async function lookAtAll(names: readonly Named[], walk: Walk): Promise<readonly Seen[]> {
  const seen: Seen[] = []
  for (let at = 0; at < names.length; at += readsAtOnce) {
    seen.push(...(await Promise.all(names.slice(at, at + readsAtOnce).map((name) => lookAt(name, walk)))))
  }
  return seen
}

async function lookAt(named: Named, { reader }: Walk): Promise<Seen> {
  const sighting = await reader.read(named.name)
  switch (sighting.kind) {
    case 'found':
      return { ...named, sighting, health: healthOf(sighting.object, reader.now()).status }
    case 'missing':
    case 'not-served':
      return { ...named, sighting, health: 'NotFound' }
    case 'unreadable':
      return { ...named, sighting, health: 'Unknown' }
  }
}

async function explainSeen({ name, sighting }: Seen, walk: Walk): Promise<Finding> {
  switch (sighting.kind) {
    case 'found':
      return walk.explain(sighting.object, walk)
    case 'missing':
      return finding(name, { state: 'missing', message: 'it is not in the cluster' })
    case 'not-served':
      return finding(name, { state: 'missing', message: `the cluster has no kind ${name.kind}.${name.group}` })
    case 'unreadable':
      return finding(name, { state: 'unreadable', message: sighting.message })
  }
}

export function inventoryOf(kustomization: KubeObject): readonly ObjectName[] {
  const entries = fieldAt(kustomization, 'status', 'inventory', 'entries')
  if (!Array.isArray(entries)) return []
  return entries.filter(isFields).flatMap(({ id, v }) => {
    const parsed = typeof id === 'string' ? parseInventoryId(id) : undefined
    return parsed === undefined ? [] : [{ ...parsed, ...(typeof v === 'string' && { version: v }) }]
  })
}

function healthChecksOf(kustomization: KubeObject): readonly ObjectName[] {
  const checks = fieldAt(kustomization, 'spec', 'healthChecks')
  if (!Array.isArray(checks)) return []
  const own = kustomization.metadata.namespace ?? ''
  return checks.filter(isFields).map((check) => ({
    ...parseApiVersion(textAt(check, 'apiVersion') ?? ''),
    kind: textAt(check, 'kind') ?? '',
    namespace: textAt(check, 'namespace') ?? own,
    name: textAt(check, 'name') ?? '',
  }))
}
