import type { ObjectId } from './identity.ts'

/** Objects of one rank do not need one another and may be written at once; a higher rank comes later. */
export type Rank = number

const ranks: readonly (readonly string[])[] = [
  ['CustomResourceDefinition', 'Namespace', 'ClusterRole'],
  ['ClusterClass', 'RuntimeClass', 'PriorityClass', 'StorageClass', 'VolumeSnapshotClass', 'IngressClass', 'GatewayClass'],
  // Before its bindings: who may not grant everything can bind only a role that exists.
  ['Role', 'ResourceQuota', 'ServiceAccount'],
  ['ClusterRoleBinding', 'RoleBinding'],
  ['ConfigMap', 'Secret', 'Service', 'LimitRange'],
  ['Deployment', 'StatefulSet', 'CronJob', 'PodDisruptionBudget'],
]
const restRank: Rank = ranks.length
// A webhook that is there before what it calls would refuse the objects that bring it up.
const webhookRank: Rank = restRank + 1
const webhooks: ReadonlySet<string> = new Set(['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration'])
const rankOfKind: ReadonlyMap<string, Rank> = new Map(ranks.flatMap((kinds, rank) => kinds.map((kind) => [kind, rank] as const)))

/** When an object is written among the objects of its stage. By kind alone, as Flux does. */
export function applyRank(id: Pick<ObjectId, 'kind'>): Rank {
  return webhooks.has(id.kind) ? webhookRank : (rankOfKind.get(id.kind) ?? restRank)
}

/** The order in which objects are applied and listed: rank, then group, kind, namespace, name. Deletion goes the other way. */
export function compareForApply(a: ObjectId, b: ObjectId): number {
  return (
    applyRank(a) - applyRank(b) ||
    compareText(a.group, b.group) ||
    compareText(a.kind, b.kind) ||
    compareText(a.namespace, b.namespace) ||
    compareText(a.name, b.name)
  )
}

function compareText(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
