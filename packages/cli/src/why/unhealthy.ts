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

interface Seen {
  readonly name: ObjectName
  readonly sighting: Sighting
  readonly health: Health['status']
}

/** The objects of a Kustomization that are not current: those it applied and those that its healthChecks name. */
export async function findUnhealthy(kustomization: KubeObject, walk: Walk): Promise<{ readonly causes: readonly Finding[]; readonly facts: readonly string[] }> {
  const names = [...inventoryOf(kustomization), ...healthChecksOf(kustomization)].filter((name) => !walk.above.includes(`${name.kind}/${name.namespace}/${name.name}`))
  const seen = await lookAtAll(names, walk)
  const unhealthy = seen.filter(({ health }) => health !== 'Current').toSorted((a, b) => urgency[a.health] - urgency[b.health])
  const causes: Finding[] = []
  for (const one of unhealthy.slice(0, mostExplained)) causes.push({ ...(await explainSeen(one, walk)), relation: 'applied' })
  const more = unhealthy.length - causes.length
  const none = names.length > 0 && unhealthy.length === 0
  return {
    causes,
    facts: [
      ...(more > 0 ? [`and ${more} more objects are not current`] : []),
      ...(none ? [`all ${names.length} of its objects are current by now`] : []),
    ],
  }
}

/** What failed comes before what is merely on its way. */
const urgency: Readonly<Record<Health['status'], number>> = { Failed: 0, NotFound: 1, InProgress: 2, Terminating: 3, Unknown: 4, Current: 5 }

async function lookAtAll(names: readonly ObjectName[], walk: Walk): Promise<readonly Seen[]> {
  const seen: Seen[] = []
  for (let at = 0; at < names.length; at += readsAtOnce) {
    seen.push(...(await Promise.all(names.slice(at, at + readsAtOnce).map((name) => lookAt(name, walk)))))
  }
  return seen
}

async function lookAt(name: ObjectName, { reader }: Walk): Promise<Seen> {
  const sighting = await reader.read(name)
  switch (sighting.kind) {
    case 'found':
      return { name, sighting, health: healthOf(sighting.object, reader.now()).status }
    case 'missing':
    case 'not-served':
      return { name, sighting, health: 'NotFound' }
    case 'unreadable':
      return { name, sighting, health: 'Unknown' }
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
