import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { gitRepositoryKind, kustomizationKind, type Kind } from '@weir/shared/api'
import type { ControlPlane } from '@weir/shared/control-plane'
import type { Kube } from '@weir/shared/kube'
import { installChart, testControlPlane } from '@weir/shared/testing'
import { connect } from '../connection/connect.ts'
import { eventKind, podKind, replicaSetKind, secretKind } from '../objects/kinds.ts'
import { runForTest, type Ran, type TestWorldOptions } from '../test-world.ts'
import { createReader } from './reader.ts'

const deploymentKind: Kind = { ...replicaSetKind, kind: 'Deployment', plural: 'deployments' }
const namespace = 'flux-system'
const canary = 'canary-value-of-a-secret'
const since = '2026-01-01T00:00:00Z'
const condition = (status: string, reason: string, message: string): object => ({ type: 'Ready', status, reason, message, lastTransitionTime: since, observedGeneration: 1 })

describe('weir why', () => {
  let cluster: ControlPlane
  let kube: Kube
  const why = (args: readonly string[], options: TestWorldOptions = {}): Promise<Ran> =>
    runForTest(['why', ...args], { env: { KUBECONFIG: cluster.kubeconfig() }, now: Date.parse('2026-01-01T00:05:00Z'), ...options })

  async function create(kind: Kind, name: string, { status, ...fields }: { readonly status?: object; readonly [field: string]: unknown }): Promise<string> {
    const { metadata = {}, ...rest } = fields as { metadata?: object }
    const apiVersion = kind.group === '' ? kind.version : `${kind.group}/${kind.version}`
    const created = await kube.create(kind, { apiVersion, kind: kind.kind, metadata: { name, namespace, ...metadata }, ...rest }, { manager: 'test' })
    if (status !== undefined) await kube.patch({ resource: kind, namespace, name }, { type: 'merge', subresource: 'status', body: { status }, manager: 'test' })
    return created.metadata.uid ?? ''
  }

  const kustomization = (name: string, status: object, spec: object = {}): Promise<string> =>
    create(kustomizationKind, name, { spec: { interval: '1m', prune: true, sourceRef: { kind: 'GitRepository', name: 'fleet' }, ...spec }, status: { observedGeneration: 1, ...status } })

  /** A Deployment that a Secret-bearing Pod of keeps from being available, as Kubernetes would report it. */
  async function deployment(name: string): Promise<void> {
    const labels = { app: name }
    const template = { metadata: { labels }, spec: { containers: [{ name: 'app', image: 'registry.example/app:1', env: [{ name: 'TOKEN', value: canary }] }] } }
    const owner = (kind: string, uid: string): object => ({ ownerReferences: [{ apiVersion: 'apps/v1', kind, name, uid, controller: true }] })
    const uid = await create(deploymentKind, name, { spec: { replicas: 1, selector: { matchLabels: labels }, template }, status: { observedGeneration: 1, replicas: 1, updatedReplicas: 1, unavailableReplicas: 1 } })
    const setUid = await create(replicaSetKind, `${name}-1`, {
      metadata: { ...owner('Deployment', uid), labels },
      spec: { replicas: 1, selector: { matchLabels: labels }, template },
      status: { observedGeneration: 1, replicas: 1, fullyLabeledReplicas: 1 },
    })
    await kube.create({ ...podKind, kind: 'ServiceAccount', plural: 'serviceaccounts' }, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace } }).catch(() => undefined)
    const podUid = await create(podKind, `${name}-1-x`, {
      metadata: { ...owner('ReplicaSet', setUid), labels },
      spec: template.spec,
      status: {
        phase: 'Pending',
        conditions: [{ type: 'Ready', status: 'False', reason: 'ContainersNotReady', message: 'containers with unready status: [app]' }],
        containerStatuses: [{ name: 'app', image: 'registry.example/app:1', imageID: '', ready: false, restartCount: 0, state: { waiting: { reason: 'ImagePullBackOff', message: 'Back-off pulling image' } } }],
      },
    })
    await create(eventKind, `${name}-1-x.1`, { type: 'Warning', reason: 'Failed', message: 'manifest unknown', count: 3, involvedObject: { kind: 'Pod', namespace, name: `${name}-1-x`, uid: podUid } })
  }

  beforeAll(async () => {
    cluster = await testControlPlane({ fleet: 'api', fresh: true })
    await installChart(cluster)
    kube = (await connect({ kubeconfig: cluster.kubeconfig() })).kube
    await create(secretKind, 'login', { stringData: { password: canary } })
    const artifact = { revision: 'main@sha1:abc', digest: `sha256:${'0'.repeat(64)}`, path: 'p', url: 'http://x/p', lastUpdateTime: since }
    await create(gitRepositoryKind, 'fleet', { spec: { url: 'https://git.example/fleet', interval: '1m' }, status: { observedGeneration: 1, artifact, conditions: [condition('True', 'Succeeded', 'stored')] } })
    await create(gitRepositoryKind, 'private', {
      spec: { url: `https://me:${canary}@git.example/x`, interval: '1m', secretRef: { name: 'gone' } },
      status: { observedGeneration: 1, conditions: [condition('False', 'AuthenticationFailed', `no login for https://me:${canary}@git.example/x`)] },
    })
    await kustomization('ready', { lastAppliedRevision: 'main@sha1:abc', conditions: [condition('True', 'ReconciliationSucceeded', 'Applied revision: main@sha1:abc')] })
  })

  afterAll(async () => {
    await kube.close()
    await cluster.stop()
  })

  it('says since when an object is ready and at which revision', async () => {
    expect(await why(['ks/ready'])).toEqual({ code: 0, out: 'Kustomization/flux-system/ready is ready at revision main@sha1:abc, for 5m\n', err: '' })
  })

  it('shows file and line of a build that fails', async () => {
    await kustomization('broken', { lastAttemptedRevision: 'main@sha1:abc', conditions: [condition('False', 'BuildFailed', 'apps/base/kustomization.yaml: malformed YAML: bad indentation, line 7')] })
    const { code, out } = await why(['kustomization/broken', '-n', namespace])
    expect(code).toBe(1)
    expect(out).toMatch(/broken is not ready: BuildFailed.*for 5m\n.*malformed YAML[^]*file: apps\/base\/kustomization.yaml, line 7[^]*What to do\n.*Mend the file/)
  })

  it('goes from a dependant to a Kustomization to a Deployment to a Pod to its container', async () => {
    await deployment('web')
    const inventory = { entries: [{ id: `${namespace}_web_apps_Deployment`, v: 'v1' }, { id: `${namespace}_login__Secret`, v: 'v1' }] }
    await kustomization('backend', { inventory, conditions: [condition('False', 'HealthCheckFailed', `timeout waiting for: [Deployment/${namespace}/web status: 'InProgress']`)] })
    await kustomization('frontend', { conditions: [condition('False', 'DependencyNotReady', `dependency '${namespace}/backend' is not ready`)] }, { dependsOn: [{ name: 'backend' }] })
    const { code, out } = await why(['ks', 'frontend'])
    expect(code).toBe(1)
    const places = [...out.matchAll(/└ (?:depends on|applied|rolls out|runs|its) (\S+(?: app)?), which is /g)].map(([, place]) => place)
    expect(places).toEqual(['Kustomization/flux-system/backend', 'Deployment/flux-system/web', 'ReplicaSet/flux-system/web-1', 'Pod/flux-system/web-1-x', 'container app'])
    expect(out).toMatch(/event Failed \(3 times\): manifest unknown/)
    expect(out).toMatch(/What to do\n.*container app of Pod\/flux-system\/web-1-x: See that image name and tag exist/)
    expect(out).not.toContain(canary)
  })

  it('begins at a workload too', async () => {
    const { code, out } = await why(['deployment/web'])
    expect(code).toBe(1)
    expect(out).toMatch(/^Deployment\/flux-system\/web is not ready yet[^]*ImagePullBackOff/)
  })

  it('names the Secret that a source lacks, and no secret', async () => {
    await kustomization('secretive', { conditions: [condition('False', 'ArtifactFailed', 'Source artifact not found')] }, { sourceRef: { kind: 'GitRepository', name: 'private' } })
    const { out } = await why(['ks/secretive'])
    expect(out).toMatch(/its source GitRepository\/flux-system\/private, which is not ready: AuthenticationFailed[^]*its login Secret\/flux-system\/gone, which is missing[^]*What to do\n.*Create the Secret/)
    expect(out).not.toContain(canary)
  })

  it('writes the way as a document', async () => {
    const { code, out } = await why(['ks/frontend', '-o', 'json'])
    expect(code).toBe(1)
    const found = JSON.parse(out) as { causes: unknown[]; advice: unknown[] }
    expect(found).toMatchObject({ state: 'waiting', reason: 'DependencyNotReady', causes: [{ relation: 'depends on', causes: [{ place: { kind: 'Deployment', name: 'web' } }] }] })
    expect(found.advice).toMatchObject([{ kind: 'Container', reason: 'ImagePullBackOff', advice: expect.stringContaining('image') }])
    expect(out).not.toContain(canary)
  })

  it('never reads the content of a Secret', async () => {
    const reader = createReader(kube, { signal: new AbortController().signal, now: Date.now })
    for (const sighting of [await reader.read({ ...secretKind, namespace, name: 'login' }), await reader.exists(secretKind, namespace, 'login')]) {
      expect(sighting).toMatchObject({ kind: 'found', object: { metadata: { name: 'login' } } })
      expect(JSON.stringify(sighting)).not.toMatch(/"data"|stringData/)
    }
  })

  it('goes as far as the reader has rights', async () => {
    const { code, err } = await why(['ks/frontend', '-n', namespace], { env: { KUBECONFIG: cluster.kubeconfig('nobody') } })
    expect(code).toBe(1)
    expect(err).toMatch(/forbidden/i)
  })

  it('says that there is no such object', async () => {
    expect(await why(['ks/none'])).toMatchObject({ code: 1, err: 'weir: there is no Kustomization none in any namespace\n' })
  })
})
