import { describe, expect, it } from '@jest/globals'
import { healthOf } from './health.ts'

const now = Date.parse('2026-01-01T00:01:00Z')
type Conditions = Readonly<Record<string, string>>
const conditions = (all: Conditions) =>
  Object.entries(all).map(([type, said]) => {
    const [status, reason = ''] = said.split('/')
    return { type, status, reason, message: `${type} said so` }
  })
const object = (type: string, { spec, status, metadata }: { spec?: object; status?: object; metadata?: object } = {}) => {
  const [kind = '', apiVersion = 'v1'] = type.split('@')
  return { apiVersion, kind, metadata: { name: 'a', generation: 2, ...metadata }, ...(spec && { spec }), ...(status && { status }) }
}
const rolled = { observedGeneration: 2, replicas: 1, updatedReplicas: 1, availableReplicas: 1, readyReplicas: 1 }
const available = { Available: 'True', Progressing: 'True/NewReplicaSetAvailable' }
const deployment = (status: object, said: Conditions = available, spec: object = { replicas: 1, progressDeadlineSeconds: 600 }) =>
  object('Deployment@apps/v1', { spec, status: { ...rolled, ...status, conditions: conditions(said) } })
const stateful = (status: object, spec: object = {}) => object('StatefulSet@apps/v1', { spec: { replicas: 1, ...spec }, status: { observedGeneration: 2, replicas: 1, readyReplicas: 1, currentReplicas: 1, updatedReplicas: 1, currentRevision: 'a', updateRevision: 'a', ...status } })
const daemon = (status: object) => object('DaemonSet@apps/v1', { status: { observedGeneration: 2, desiredNumberScheduled: 1, currentNumberScheduled: 1, updatedNumberScheduled: 1, numberAvailable: 1, numberReady: 1, ...status } })
const pod = (status: object, metadata: object = {}) => object('Pod@v1', { status, metadata: { creationTimestamp: '2026-01-01T00:00:00Z', ...metadata } })
const waitingPod = { phase: 'Pending', conditions: conditions({ PodScheduled: 'False/Unschedulable' }) }

describe('healthOf', () => {
  it.each([
    ['a ConfigMap', object('ConfigMap@v1'), 'Current'],
    ['anything being deleted', deployment({}, available, {}), 'Current'],
    ['anything being deleted', object('Deployment@apps/v1', { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }), 'Terminating'],
    ['an older generation observed', object('Widget@a.io/v1', { status: { observedGeneration: 1, conditions: conditions({ Ready: 'True' }) } }), 'InProgress'],
    ['Reconciling before Stalled', object('Widget@a.io/v1', { status: { conditions: conditions({ Reconciling: 'True', Stalled: 'True' }) } }), 'InProgress'],
    ['Stalled before Reconciling', object('Widget@a.io/v1', { status: { conditions: conditions({ Stalled: 'True', Reconciling: 'True' }) } }), 'Failed'],
    ['Stalled False', object('Widget@a.io/v1', { status: { conditions: conditions({ Stalled: 'False', Ready: 'True' }) } }), 'Current'],
    ['Ready True', object('Widget@a.io/v1', { status: { conditions: conditions({ Ready: 'True' }) } }), 'Current'],
    ['Ready False', object('Widget@a.io/v1', { status: { conditions: conditions({ Ready: 'False' }) } }), 'InProgress'],
    ['Ready Unknown', object('Widget@a.io/v1', { status: { conditions: conditions({ Ready: 'Unknown' }) } }), 'InProgress'],
    ['conditions of the wrong type', object('Widget@a.io/v1', { status: { conditions: 'no' } }), 'Current'],
    ['a Deployment without status', object('Deployment@apps/v1', { spec: { replicas: 1 } }), 'InProgress'],
    ['a rolled Deployment', deployment({}), 'Current'],
    ['a Deployment of nothing', deployment({ replicas: 0, updatedReplicas: 0, availableReplicas: 0, readyReplicas: 0 }, available, { replicas: 0, progressDeadlineSeconds: 600 }), 'Current'],
    ['a Deployment with an old pod', deployment({ replicas: 2 }), 'InProgress'],
    ['a Deployment not updated', deployment({ updatedReplicas: 0 }), 'InProgress'],
    ['a Deployment not available', deployment({ availableReplicas: 0 }), 'InProgress'],
    ['a Deployment without Available', deployment({}, { Progressing: 'True/NewReplicaSetAvailable' }), 'InProgress'],
    ['a Deployment that progresses', deployment({}, { Available: 'True', Progressing: 'True/ReplicaSetUpdated' }), 'InProgress'],
    ['a Deployment without a deadline', deployment({}, { Available: 'True' }, { replicas: 1 }), 'Current'],
    ['a Deployment past its deadline', deployment({ updatedReplicas: 0 }, { Progressing: 'False/ProgressDeadlineExceeded' }), 'Failed'],
    ['a StatefulSet', stateful({}), 'Current'],
    ['a StatefulSet not ready', stateful({ readyReplicas: 0 }), 'InProgress'],
    ['a StatefulSet between revisions', stateful({ updateRevision: 'b' }), 'InProgress'],
    ['a StatefulSet by hand', stateful({ readyReplicas: 0 }, { updateStrategy: { type: 'OnDelete' } }), 'Current'],
    ['a StatefulSet up to its partition', stateful({ updatedReplicas: 0, updateRevision: 'b' }, { updateStrategy: { rollingUpdate: { partition: 1 } } }), 'Current'],
    ['a StatefulSet short of its partition', stateful({ updatedReplicas: 0 }, { updateStrategy: { rollingUpdate: { partition: 0 } } }), 'InProgress'],
    ['a DaemonSet', daemon({}), 'Current'],
    ['a DaemonSet nobody looked at', object('DaemonSet@apps/v1', { status: {} }), 'InProgress'],
    ['a DaemonSet not updated', daemon({ updatedNumberScheduled: 0 }), 'InProgress'],
    ['a ReplicaSet', object('ReplicaSet@apps/v1', { spec: { replicas: 1 }, status: { replicas: 1, fullyLabeledReplicas: 1, availableReplicas: 1, readyReplicas: 1 } }), 'Current'],
    ['a ReplicaSet that fails', object('ReplicaSet@apps/v1', { status: { conditions: conditions({ ReplicaFailure: 'True' }) } }), 'InProgress'],
    ['a Job that runs', object('Job@batch/v1', { status: { active: 1 } }), 'InProgress'],
    ['a Job that is complete', object('Job@batch/v1', { status: { conditions: conditions({ SuccessCriteriaMet: 'True', Complete: 'True' }) } }), 'Current'],
    ['a Job that failed', object('Job@batch/v1', { status: { conditions: conditions({ Failed: 'True' }) } }), 'Failed'],
    ['a suspended Job', object('Job@batch/v1', { spec: { suspend: true } }), 'Current'],
    ['a Job of somebody else', object('Job@batch.volcano.sh/v1alpha1'), 'Current'],
    ['a Pod nobody looked at', pod({}), 'InProgress'],
    ['a Pod that is done', pod({ phase: 'Succeeded' }), 'Current'],
    ['a Pod that failed', pod({ phase: 'Failed' }), 'Failed'],
    ['a ready Pod', pod({ phase: 'Running', conditions: conditions({ Ready: 'True' }) }), 'Current'],
    ['a Pod that starts', pod({ phase: 'Running' }), 'InProgress'],
    ['a Pod that crashes', pod({ phase: 'Running', containerStatuses: [{ name: 'c', state: { waiting: { reason: 'CrashLoopBackOff' } } }] }), 'Failed'],
    ['a Pod without a node for a minute', pod(waitingPod), 'Failed'],
    ['a Pod without a node for a moment', pod(waitingPod, { creationTimestamp: '2026-01-01T00:00:50Z' }), 'InProgress'],
    ['a bound claim', object('PersistentVolumeClaim@v1', { status: { phase: 'Bound' } }), 'Current'],
    ['a claim that waits', object('PersistentVolumeClaim@v1', { status: { phase: 'Pending' } }), 'InProgress'],
    ['a Service', object('Service@v1', { spec: { type: 'ClusterIP' } }), 'Current'],
    ['a load balancer without an address', object('Service@v1', { spec: { type: 'LoadBalancer' } }), 'InProgress'],
    ['a disruption budget', object('PodDisruptionBudget@policy/v1', { status: { observedGeneration: 2 } }), 'Current'],
    ['a disruption budget nobody looked at', object('PodDisruptionBudget@policy/v1'), 'InProgress'],
    ['a definition', object('CustomResourceDefinition@apiextensions.k8s.io/v1', { status: { conditions: conditions({ NamesAccepted: 'True', Established: 'True' }) } }), 'Current'],
    ['a definition on its way', object('CustomResourceDefinition@apiextensions.k8s.io/v1', { status: { conditions: conditions({ Established: 'False/Installing' }) } }), 'InProgress'],
    ['a definition whose names are taken', object('CustomResourceDefinition@apiextensions.k8s.io/v1', { status: { conditions: conditions({ NamesAccepted: 'False' }) } }), 'Failed'],
  ])('%s is %s', (_name, at, status) => {
    expect(healthOf(at, now).status).toBe(status)
  })
})
