import { fieldAt } from '@weir/shared/manifest'
import type { KubeObject } from '@weir/shared/manifest'
import { conditionsOf, isTrue } from './conditions.ts'
import { current, failed, inProgress } from './verdict.ts'
import type { Health } from './verdict.ts'

type Rule = (object: KubeObject, now: number) => Health

/** Rules of the kinds that Kubernetes itself brings, by `<group>/<Kind>`; all others are read by their conditions. */
export const builtIn: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ['apps/Deployment', deployment],
  ['apps/StatefulSet', statefulSet],
  ['apps/DaemonSet', daemonSet],
  ['apps/ReplicaSet', replicaSet],
  ['batch/Job', job],
  ['/Pod', pod],
  ['/PersistentVolumeClaim', volumeClaim],
  ['/Service', service],
  ['policy/PodDisruptionBudget', disruptionBudget],
  ['apiextensions.k8s.io/CustomResourceDefinition', definition],
])

/** The first check that does not hold says what is missing. */
type Check = readonly [missing: boolean, message: string]

function firstMissing(checks: readonly Check[]): Health {
  const found = checks.find(([missing]) => missing)
  return found === undefined ? current : inProgress(found[1])
}

function deployment(object: KubeObject): Health {
  const conditions = conditionsOf(object)
  const progressing = conditions.find(({ type }) => type === 'Progressing')
  if (progressing?.reason === 'ProgressDeadlineExceeded') return failed(progressing.message || 'Progress deadline exceeded')
  // Without a deadline the controller never says that it is done progressing.
  const hasDeadline = count(object, 'spec.progressDeadlineSeconds', maxInt32) !== maxInt32
  const wanted = count(object, 'spec.replicas', 1)
  const [all, updated, available, ready] = statusCounts(object, ['replicas', 'updatedReplicas', 'availableReplicas', 'readyReplicas'])
  return firstMissing([
    [wanted > all, `Replicas: ${all}/${wanted}`],
    [wanted > updated, `Updated: ${updated}/${wanted}`],
    [all > wanted, `Pending termination: ${all - wanted}`],
    [updated > available, `Available: ${available}/${updated}`],
    [wanted > ready, `Ready: ${ready}/${wanted}`],
    [hasDeadline && !(progressing?.reason === 'NewReplicaSetAvailable' && isTrue(progressing)), 'ReplicaSet not Available'],
    [!conditions.some((condition) => condition.type === 'Available' && isTrue(condition)), 'Deployment not Available'],
  ])
}

function statefulSet(object: KubeObject): Health {
  if (fieldAt(object, 'spec', 'updateStrategy', 'type') === 'OnDelete') return current // a person replaces its pods
  const wanted = count(object, 'spec.replicas', 1)
  const [all, ready, now, updated] = statusCounts(object, ['replicas', 'readyReplicas', 'currentReplicas', 'updatedReplicas'])
  const partition = fieldAt(object, 'spec', 'updateStrategy', 'rollingUpdate', 'partition')
  const replicas: readonly Check[] = [
    [wanted > all, `Replicas: ${all}/${wanted}`],
    [wanted > ready, `Ready: ${ready}/${wanted}`],
    [all > wanted, `Pending termination: ${all - wanted}`],
  ]
  if (typeof partition === 'number') {
    return firstMissing([...replicas, [updated < wanted - partition, `Updated: ${updated}/${wanted - partition}`]])
  }
  const revisions = ['currentRevision', 'updateRevision'].map((name) => fieldAt(object, 'status', name))
  return firstMissing([
    ...replicas,
    [wanted > now, `Current: ${now}/${wanted}`],
    [revisions[0] !== revisions[1], 'Waiting for updated revision to match current'],
  ])
}

function daemonSet(object: KubeObject): Health {
  const wanted = count(object, 'status.desiredNumberScheduled', -1)
  const [scheduled, updated, available, ready] = statusCounts(object, [
    'currentNumberScheduled',
    'updatedNumberScheduled',
    'numberAvailable',
    'numberReady',
  ])
  return firstMissing([
    [wanted === -1, 'Desired number of pods not known yet'],
    [wanted > scheduled, `Current: ${scheduled}/${wanted}`],
    [wanted > updated, `Updated: ${updated}/${wanted}`],
    [wanted > available, `Available: ${available}/${wanted}`],
    [wanted > ready, `Ready: ${ready}/${wanted}`],
  ])
}

function replicaSet(object: KubeObject): Health {
  const wanted = count(object, 'spec.replicas', 1)
  const [all, labelled, available, ready] = statusCounts(object, ['replicas', 'fullyLabeledReplicas', 'availableReplicas', 'readyReplicas'])
  return firstMissing([
    [conditionsOf(object).some((condition) => condition.type === 'ReplicaFailure' && isTrue(condition)), 'Replica failure, see its pods'],
    [wanted > labelled, `Labelled: ${labelled}/${wanted}`],
    [wanted > available, `Available: ${available}/${wanted}`],
    [wanted > ready, `Ready: ${ready}/${wanted}`],
    [all > wanted, `Pending termination: ${all - wanted}`],
  ])
}

/** Flux's rule: a Job is done when it is complete, not when it has started (kstatus). A suspended one waits for a person. */
function job(object: KubeObject): Health {
  if (fieldAt(object, 'spec', 'suspend') === true) return current
  const said = conditionsOf(object).find((condition) => (condition.type === 'Complete' || condition.type === 'Failed') && isTrue(condition))
  if (said === undefined) return inProgress('Job in progress')
  return said.type === 'Complete' ? current : failed(said.message || 'Job failed')
}

/** An unschedulable Pod has failed once it is this old: before, a node may be on its way. */
const schedulingMs = 15_000

function pod(object: KubeObject, now: number): Health {
  const phase = fieldAt(object, 'status', 'phase')
  if (phase === 'Succeeded') return current
  if (phase === 'Failed') return failed('Pod has completed, but not successfully')
  if (phase === 'Running') return runningPod(object)
  const scheduled = conditionsOf(object).find(({ type }) => type === 'PodScheduled')
  const isUnschedulable = scheduled?.status === 'False' && scheduled.reason === 'Unschedulable'
  const createdAt = Date.parse(object.metadata.creationTimestamp ?? '')
  return isUnschedulable && now - createdAt > schedulingMs ? failed('Pod could not be scheduled') : inProgress('Pod is pending')
}

function runningPod(object: KubeObject): Health {
  if (conditionsOf(object).some((condition) => condition.type === 'Ready' && isTrue(condition))) return current
  const crashing = ['initContainerStatuses', 'containerStatuses'].flatMap((field) => crashLooping(fieldAt(object, 'status', field)))
  return crashing.length > 0 ? failed(`Containers in CrashLoop state: ${crashing.toSorted().join(',')}`) : inProgress('Pod is running but is not Ready')
}

function crashLooping(statuses: unknown): readonly string[] {
  if (!Array.isArray(statuses)) return []
  return statuses.filter((status) => fieldAt(status, 'state', 'waiting', 'reason') === 'CrashLoopBackOff').map((status) => String(fieldAt(status, 'name')))
}

function volumeClaim(object: KubeObject): Health {
  const phase = fieldAt(object, 'status', 'phase')
  return phase === 'Bound' ? current : inProgress(`PVC is not Bound. phase: ${typeof phase === 'string' ? phase : 'unknown'}`)
}

function service(object: KubeObject): Health {
  const isBalanced = fieldAt(object, 'spec', 'type') === 'LoadBalancer'
  const address = fieldAt(object, 'spec', 'clusterIP')
  return isBalanced && (address === undefined || address === '') ? inProgress('ClusterIP not set. Service type: LoadBalancer') : current
}

function disruptionBudget(object: KubeObject): Health {
  const isSeen = typeof fieldAt(object, 'status', 'observedGeneration') === 'number'
  return isSeen ? current : inProgress('AllowedDisruptions not computed yet')
}

function definition(object: KubeObject): Health {
  const conditions = conditionsOf(object)
  const refused = conditions.find(({ type, status }) => type === 'NamesAccepted' && status === 'False')
  if (refused !== undefined) return failed(refused.message)
  const established = conditions.find(({ type }) => type === 'Established')
  if (established?.status === 'False' && established.reason !== 'Installing') return failed(established.message)
  return established?.status === 'True' ? current : inProgress('Install in progress')
}

const maxInt32 = 2 ** 31 - 1

function statusCounts(object: KubeObject, names: readonly [string, string, string, string]): readonly [number, number, number, number] {
  const [a, b, c, d] = names
  const read = (name: string): number => count(object, `status.${name}`, 0)
  return [read(a), read(b), read(c), read(d)]
}

/** A number of spec or status (`status.replicas`). */
function count(object: KubeObject, path: `spec.${string}` | `status.${string}`, otherwise: number): number {
  const value = fieldAt(object, ...path.split('.'))
  return typeof value === 'number' ? value : otherwise
}
