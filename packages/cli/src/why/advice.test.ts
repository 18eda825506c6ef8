import { describe, expect, it } from '@jest/globals'
import { adviceFor } from './advice.ts'
import { finding, rootCauses, type Finding } from './finding.ts'

const of = (kind: string, reason: string, message = '', state: Finding['state'] = 'failed'): Finding =>
  finding({ kind, namespace: 'apps', name: 'web' }, { state, reason, message })

describe('adviceFor', () => {
  it.each([
    // Sources.
    [of('GitRepository', 'AuthenticationFailed', "secret 'apps/login' not found"), /Secret of spec\.secretRef/],
    [of('GitRepository', 'GitOperationFailed', 'ssh: host key verification failed'), /known_hosts/],
    [of('GitRepository', 'GitOperationFailed', 'server certificate verification failed'), /ca\.crt/],
    [of('GitRepository', 'GitOperationFailed', 'authentication required: HTTP 401'), /refuses the login/],
    [of('GitRepository', 'GitOperationFailed', 'could not resolve host: git.example'), /does not resolve/],
    [of('GitRepository', 'GitOperationFailed', 'list refs of https://x/y: the host cannot be resolved'), /does not resolve/],
    [of('GitRepository', 'GitOperationFailed', 'connect ECONNREFUSED 127.0.0.1:1'), /does not answer/],
    [of('GitRepository', 'GitOperationFailed', 'no tag matches the semver range'), /widen the range/],
    [of('GitRepository', 'GitOperationFailed', "couldn't find remote ref refs/heads/x"), /spec\.ref/],
    [of('GitRepository', 'EmptyGitRepository', 'it is empty'), /first commit/],
    [of('GitRepository', 'NotReconciled', 'no controller', 'waiting'), /controller running/],
    [of('GitRepository', 'Succeeded', 'stored successfully'), /Read the message/],
    [of('Secret', '', 'the Secret of spec.secretRef does not exist', 'missing'), /Create the Secret/],
    // Kustomizations.
    [of('Kustomization', 'BuildFailed', 'apps/kustomization.yaml: malformed YAML'), /Mend the file/],
    [of('Kustomization', 'BuildFailed', 'variable substitution failed: host has no value'), /postBuild/],
    [of('Kustomization', 'ArtifactFailed', 'kustomization path not found: ./x'), /spec\.path/],
    [of('Kustomization', 'PruneFailed', 'the build is empty: see weir.dev/allow-empty'), /allow-empty/],
    [of('Kustomization', 'DependencyCycle', 'a → b → a'), /Take one of these out/],
    [of('Kustomization', 'NotSupported', 'spec.decryption is not supported'), /Remove the field/],
    [of('Kustomization', '', 'there is no such Kustomization', 'missing'), /dependsOn/],
    [of('Kustomization', 'ReconciliationSucceeded', '', 'suspended'), /spec\.suspend/],
    // Objects that were refused.
    [of('Deployment', 'ReconciliationFailed', 'spec.selector: Invalid value: field is immutable'), /force/],
    [of('Widget', 'ReconciliationFailed', 'no matches for kind "Widget"'), /definition/],
    [of('ConfigMap', 'ReconciliationFailed', 'namespaces "shop" not found'), /Create the namespace/],
    [of('ConfigMap', 'ReconciliationFailed', 'admission webhook "x" denied the request'), /webhook/],
    [of('ConfigMap', 'ReconciliationFailed', 'configmaps is forbidden: User "x" cannot patch'), /right/],
    [of('ConfigMap', 'ReconciliationFailed', 'spec.x: Required value'), /Mend the object/],
    [of('Namespace', 'PruneFailed', 'cannot be removed'), /right/],
    // Pods and containers.
    [of('Container', 'ImagePullBackOff', 'pull access denied: unauthorized'), /imagePullSecrets/],
    [of('Container', 'ErrImagePull', 'manifest unknown'), /tag exist/],
    [of('Container', 'OOMKilled'), /memory/],
    [of('Container', 'CrashLoopBackOff', 'back-off 5m0s'), /--previous/],
    [of('Container', 'CreateContainerConfigError', 'secret "x" not found'), /that the message names/],
    [of('Container', 'NotReady', 'it runs and is not ready', 'waiting'), /readiness probe/],
    [of('Pod', 'Unschedulable', '0/3 nodes are available: 3 Insufficient cpu.'), /No node fits/],
    [of('Pod', 'FailedMount', 'configmap "x" not found', 'waiting'), /mounted/],
    [of('ReplicaSet', 'FailedCreate', 'exceeded quota: q', 'waiting'), /quota/],
    [of('ReplicaSet', 'FailedCreate', 'serviceaccount "x" not found', 'waiting'), /ServiceAccount/],
    [of('Job', 'BackoffLimitExceeded'), /gave up/],
    [of('Deployment', '', 'it is not in the cluster', 'missing'), /is gone/],
    [{ ...of('Deployment', '', 'it is not in the cluster', 'missing'), relation: 'checks' }, /healthChecks/],
    [of('Deployment', 'InProgress', 'Replicas: 0/1', 'waiting'), /on its way/],
    [of('Widget', 'Whatever', 'x'), /events/],
  ])('%j', (found, advice) => expect(adviceFor(found)).toMatch(advice))

  it('has none for what is ready', () => expect(adviceFor(of('Kustomization', 'ReconciliationSucceeded', '', 'ready'))).toBeUndefined())

  it('never sends a person against drift correction', () => expect(adviceFor(of('Deployment', 'ProgressDeadlineExceeded'))).not.toMatch(/rollout undo/))
})

describe('rootCauses', () => {
  it('is where the ways end that are not ready', () => {
    const leaf = of('Pod', 'Evicted')
    const fine = of('Pod', '', '', 'ready')
    const top = { ...of('Kustomization', 'HealthCheckFailed'), causes: [{ ...of('Deployment', ''), causes: [leaf, fine] }] }
    expect(rootCauses(top)).toEqual([leaf])
    expect(rootCauses(fine)).toEqual([])
  })
})
