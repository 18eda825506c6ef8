import type { ObjectId } from './identity.ts'

/** Objects of one rank do not need one another and may be written at once; a higher rank comes later. */
export type Rank = number

/** Kinds that come first, in the order of Flux (contract 4.8), and which of them may be written at once. */
const firstKinds: readonly (readonly [kind: string, rank: Rank])[] = [
  ['CustomResourceDefinition', 0],
  ['Namespace', 0],
  ['ClusterRole', 0],
  ['ClusterClass', 1],
  ['RuntimeClass', 1],
  ['PriorityClass', 1],
  ['StorageClass', 1],
  ['VolumeSnapshotClass', 1],
  ['IngressClass', 1],
  ['GatewayClass', 1],
  // Bindings come after roles: who may not grant everything can bind only a role that exists.
  ['ClusterRoleBinding', 3],
  ['ResourceQuota', 2],
  ['ServiceAccount', 2],
  ['Role', 2],
  ['RoleBinding', 3],
  ['ConfigMap', 4],
  ['Secret', 4],
  ['Service', 4],
  ['LimitRange', 4],
  ['Deployment', 5],
  ['StatefulSet', 5],
  ['CronJob', 5],
  ['PodDisruptionBudget', 5],
]
const restRank: Rank = 6
// A webhook that is there before what it calls would refuse the objects that bring it up.
const webhookRank: Rank = 7
const lastKinds = ['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration'] as const

interface Place {
  readonly rank: Rank
  readonly position: number
}

const rest: Place = { rank: restRank, position: firstKinds.length }
const places: ReadonlyMap<string, Place> = new Map([
  ...firstKinds.map(([kind, rank], position) => [kind, { rank, position }] as const),
  ...lastKinds.map((kind, index) => [kind, { rank: webhookRank, position: firstKinds.length + 1 + index }] as const),
])
const placeOf = ({ kind }: Pick<ObjectId, 'kind'>): Place => places.get(kind) ?? rest

/** When an object is written among the objects of its stage. By kind alone, as Flux does. */
export const applyRank = (id: Pick<ObjectId, 'kind'>): Rank => placeOf(id).rank

/** The order in which objects are listed, and deleted the other way round: Flux's kinds, then group, kind, namespace, name. */
export function compareForApply(a: ObjectId, b: ObjectId): number {
  return (
    placeOf(a).position - placeOf(b).position ||
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
