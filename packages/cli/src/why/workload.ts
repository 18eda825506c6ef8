import type { Kind } from '@weir/shared/api'
import { healthOf, type Health } from '@weir/shared/apply'
import type { KubeObject } from '@weir/shared/kube'
import { fieldAt, identify, isFields } from '@weir/shared/manifest'
import { conditionOf, textAt } from '../get/row.ts'
import { podKind, replicaSetKind } from '../objects/kinds.ts'
import { finding, type Finding, type State } from './finding.ts'
import { explainPods, troubleOfPod } from './pod.ts'
import type { Warning } from './reader.ts'
import type { Walk } from './walk.ts'

/** Events told of one object. */
const mostWarnings = 3

/** An object that no GitOps controller reconciles, and what it is made of: Deployment, ReplicaSet, Pod, container. */
export async function explainWorkload(object: KubeObject, walk: Walk): Promise<Finding> {
  const health = healthOf(object, walk.reader.now())
  if (health.status === 'Current') return finding(identify(object), { state: 'ready' })
  const warnings = await walk.reader.warnings(object)
  if (object.kind === 'Pod') return { ...troubleOfPod(object, warnings), facts: warningFacts(warnings) }
  const { causes, facts } = await lookBelow(object, walk)
  const said = wordsOf(object, health, warnings)
  return finding(identify(object), { ...said, state: stateOf(health), facts: [...warningFacts(warnings), ...facts], causes })
}

function stateOf({ status }: Health): State {
  return status === 'Failed' ? 'failed' : 'waiting'
}

export function warningFacts(warnings: readonly Warning[]): readonly string[] {
  return warnings.slice(0, mostWarnings).map(({ reason, message, count }) => `event ${reason}${count > 1 ? ` (${count} times)` : ''}: ${message}`)
}

interface Below {
  readonly causes: readonly Finding[]
  readonly facts: readonly string[]
}

async function lookBelow(object: KubeObject, walk: Walk): Promise<Below> {
  switch (object.kind) {
    case 'Deployment':
      return lookAtReplicaSet(object, walk)
    case 'ReplicaSet':
    case 'StatefulSet':
    case 'DaemonSet':
    case 'Job':
      return lookAtPods(object, walk)
    default:
      return { causes: [], facts: [] }
  }
}

/** The newest ReplicaSet is the one that is being rolled out. */
async function lookAtReplicaSet(deployment: KubeObject, walk: Walk): Promise<Below> {
  const { objects, trouble } = await ownedBy(deployment, replicaSetKind, walk)
  const newest = objects.toSorted((a, b) => rolloutOf(b) - rolloutOf(a))[0]
  if (newest === undefined) return { causes: [], facts: [trouble ?? 'it has no ReplicaSet: is kube-controller-manager running?'] }
  const found = await walk.explain(newest, walk)
  return found.state === 'ready' ? { causes: [], facts: [] } : { causes: [{ ...found, relation: 'rolls out' }], facts: [] }
}

function rolloutOf({ metadata }: KubeObject): number {
  return Number(metadata.annotations?.['deployment.kubernetes.io/revision'] ?? 0)
}

async function lookAtPods(owner: KubeObject, walk: Walk): Promise<Below> {
  const { objects, trouble } = await ownedBy(owner, podKind, walk)
  if (objects.length === 0) return { causes: [], facts: trouble === undefined ? [] : [trouble] }
  return { causes: await explainPods(objects, { reader: walk.reader, factsOf: warningFacts }), facts: [] }
}

async function ownedBy(owner: KubeObject, kind: Kind, { reader }: Walk): Promise<{ readonly objects: readonly KubeObject[]; readonly trouble: string | undefined }> {
  const selector = selectorOf(owner)
  if (selector === undefined) return { objects: [], trouble: undefined }
  const { objects, trouble } = await reader.list(kind, owner.metadata.namespace ?? '', selector)
  const owned = objects.filter(({ metadata }) => metadata.ownerReferences?.some(({ uid }) => uid === owner.metadata.uid))
  return { objects: owned, trouble }
}

/** Pure: `spec.selector` as the text of a list call; undefined where it selects nothing. */
export function selectorOf(object: KubeObject): string | undefined {
  const labels = fieldAt(object, 'spec', 'selector', 'matchLabels')
  const equal = isFields(labels) ? Object.entries(labels).map(([key, value]) => `${key}=${String(value)}`) : []
  const expressions = fieldAt(object, 'spec', 'selector', 'matchExpressions')
  const others = Array.isArray(expressions) ? expressions.filter(isFields).flatMap(requirement) : []
  const all = [...equal, ...others]
  return all.length === 0 ? undefined : all.join(',')
}

function requirement(expression: Readonly<Record<string, unknown>>): readonly string[] {
  const { key, operator, values } = expression
  const listed = Array.isArray(values) ? values.map(String).join(',') : ''
  switch (operator) {
    case 'In':
      return [`${String(key)} in (${listed})`]
    case 'NotIn':
      return [`${String(key)} notin (${listed})`]
    case 'Exists':
      return [String(key)]
    case 'DoesNotExist':
      return [`!${String(key)}`]
    default:
      return []
  }
}

/** Conditions that say what is wrong, and the status that they have then, the most telling first. */
const telling: readonly (readonly [type: string, status: 'True' | 'False'])[] = [
  ['ReplicaFailure', 'True'],
  ['Failed', 'True'],
  ['Progressing', 'False'],
  ['Ready', 'False'],
  ['Available', 'False'],
]

function wordsOf(object: KubeObject, health: Health, warnings: readonly Warning[]): Pick<Finding, 'reason' | 'message'> & { readonly since?: string } {
  for (const [type, status] of telling) {
    const condition = conditionOf(object, type)
    if (condition?.status !== status) continue
    return { reason: condition.reason, message: condition.message || health.message, ...(condition.since !== undefined && { since: condition.since }) }
  }
  const [warning] = warnings
  return { reason: warning?.reason ?? textAt(object, 'status', 'phase') ?? health.status, message: health.message || (warning?.message ?? '') }
}
