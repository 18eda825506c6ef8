import { describe, expect, it } from '@jest/globals'
import type { KubeObject } from '@weir/shared/kube'
import type { Reader, Sighting } from './reader.ts'
import { rootCauses, type Finding } from './finding.ts'
import { explain } from './walk.ts'

/** A cluster as a list of objects; a reader of it is the one thing that the walk is given. */
function readerOf(objects: readonly KubeObject[], more: Partial<Reader> = {}): Reader & { readonly asked: string[] } {
  const asked: string[] = []
  const find = (kind: string, namespace: string, name: string): Sighting => {
    asked.push(`${kind}/${namespace}/${name}`)
    const object = objects.find((each) => each.kind === kind && (each.metadata.namespace ?? '') === namespace && each.metadata.name === name)
    return object === undefined ? { kind: 'missing' } : { kind: 'found', object }
  }
  return {
    asked,
    now: () => Date.parse('2026-01-01T01:00:00Z'),
    read: async ({ kind, namespace, name }) => find(kind, namespace, name),
    exists: async (kind, namespace, name) => find(kind.kind, namespace, name),
    list: async (kind, namespace) => ({ objects: objects.filter((each) => each.kind === kind.kind && each.metadata.namespace === namespace), trouble: undefined }),
    warnings: async () => [],
    ...more,
  }
}

interface Given {
  readonly reason?: string
  readonly message?: string
  readonly spec?: object
  readonly status?: object
}

const source = { sourceRef: { kind: 'GitRepository', name: 'fleet' } }
const flux = (kind: string, name: string, { reason, message = '', spec = {}, status = {} }: Given): KubeObject => ({
  apiVersion: `${kind === 'Kustomization' ? 'kustomize' : 'source'}.toolkit.fluxcd.io/v1`,
  kind,
  metadata: { name, namespace: 'apps', generation: 1, uid: name },
  spec,
  status: { observedGeneration: 1, conditions: [{ type: 'Ready', status: reason === undefined ? 'True' : 'False', reason: reason ?? 'Succeeded', message }], ...status },
})
const kustomization = (name: string, given: Given & { readonly dependsOn?: readonly string[] } = {}): KubeObject =>
  flux('Kustomization', name, { ...given, spec: { ...source, dependsOn: (given.dependsOn ?? []).map((each) => ({ name: each })), ...given.spec } })
const fleet = (given: Given = {}): KubeObject => flux('GitRepository', 'fleet', { status: { artifact: { revision: 'main@sha1:b' } }, ...given })
const waiting = { reason: 'DependencyNotReady', message: 'a dependency is not ready' }

function pathOf(found: Finding): readonly string[] {
  const [first] = found.causes
  return [found.place.name, ...(first === undefined ? [] : pathOf(first))]
}

describe('explain', () => {
  it('has nothing to say of what is ready', async () => {
    const found = await explain(kustomization('apps'), readerOf([fleet()]))
    expect(found).toMatchObject({ state: 'ready', causes: [] })
  })

  it('says of what is ready that nothing new comes while its source fails', async () => {
    const found = await explain(kustomization('apps'), readerOf([fleet({ reason: 'GitOperationFailed', message: 'HTTP 500' })]))
    expect(found).toMatchObject({ state: 'ready', causes: [{ relation: 'its source', reason: 'GitOperationFailed' }] })
  })

  it('says of what is ready which of its workloads does not run, and what is not applied yet', async () => {
    const web: KubeObject = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'apps', uid: 'web', generation: 1 }, spec: { replicas: 1 }, status: { observedGeneration: 1 } }
    const status = { lastAppliedRevision: 'main@sha1:a', inventory: { entries: [{ id: 'apps_web_apps_Deployment', v: 'v1' }, { id: 'apps_gone__ConfigMap', v: 'v1' }] } }
    const found = await explain(kustomization('apps', { status }), readerOf([web, fleet()]))
    expect(found).toMatchObject({ state: 'ready', causes: [{ place: { name: 'web' }, state: 'waiting' }], facts: ['its source is at revision main@sha1:b, which is not applied'] })
  })

  it('takes a suspended dependency for as ready as it was', async () => {
    const suspended = kustomization('fine', { spec: { suspend: true }, status: { lastAppliedRevision: 'main@sha1:b' } })
    const found = await explain(kustomization('apps', { ...waiting, dependsOn: ['fine'] }), readerOf([suspended, fleet()]))
    expect(found.causes).toEqual([])
  })

  it('goes from a Kustomization to its source to the Secret that is not there', async () => {
    const broken = fleet({ reason: 'AuthenticationFailed', message: 'no secret', spec: { secretRef: { name: 'login' } } })
    const found = await explain(kustomization('apps', { reason: 'ArtifactFailed', message: 'no artifact' }), readerOf([broken]))
    expect(pathOf(found)).toEqual(['apps', 'fleet', 'login'])
    expect(rootCauses(found)).toMatchObject([{ state: 'missing', place: { kind: 'Secret' } }])
  })

  it('says that a source is missing', async () => {
    const found = await explain(kustomization('apps', { reason: 'ArtifactFailed' }), readerOf([]))
    expect(rootCauses(found)).toMatchObject([{ state: 'missing', place: { kind: 'GitRepository', name: 'fleet' } }])
  })

  it('follows dependencies to the one that fails', async () => {
    const objects = [kustomization('b', { ...waiting, dependsOn: ['c'] }), kustomization('c', { reason: 'BuildFailed', message: 'base/kustomization.yaml: malformed YAML: line 3' }), fleet()]
    const found = await explain(kustomization('a', { ...waiting, dependsOn: ['b'] }), readerOf(objects))
    expect(pathOf(found)).toEqual(['a', 'b', 'c'])
    expect(rootCauses(found)).toMatchObject([{ reason: 'BuildFailed', facts: ['file: base/kustomization.yaml, line 3'] }])
  })

  it('ends where dependencies go round in a circle, and names the circle', async () => {
    const objects = [kustomization('a', { ...waiting, dependsOn: ['b'] }), kustomization('b', { ...waiting, dependsOn: ['c'] }), kustomization('c', { ...waiting, dependsOn: ['a'] })]
    const found = await explain(objects[0] as KubeObject, readerOf(objects))
    expect(rootCauses(found)).toMatchObject([{ reason: 'DependencyCycle', message: expect.stringContaining('apps/a → apps/b → apps/c → apps/a') }])
  })

  it('tells a circle once, in the words of whoever found it', async () => {
    const message = 'dependencies go round in a circle: apps/a → apps/b → apps/a'
    const circle = { reason: 'DependencyCycle', message }
    const objects = [kustomization('a', { ...circle, dependsOn: ['b'] }), kustomization('b', { ...circle, dependsOn: ['a'] })]
    expect(await explain(objects[0] as KubeObject, readerOf(objects))).toMatchObject({ reason: 'DependencyCycle', message, causes: [], facts: [] })
    const outside = await explain(kustomization('c', { ...waiting, dependsOn: ['a'] }), readerOf(objects))
    expect(rootCauses(outside)).toMatchObject([{ place: { name: 'a' }, reason: 'DependencyCycle', message }])
  })

  it('explains each object of a diamond once: twenty levels of two cost no million reads', async () => {
    const level = (at: number): readonly KubeObject[] => ['l', 'r'].map((side) => kustomization(`${side}${at}`, { ...waiting, dependsOn: [`l${at + 1}`, `r${at + 1}`] }))
    const objects = Array.from({ length: 20 }, (_, at) => level(at)).flat()
    const reader = readerOf([...objects, kustomization('l20', { reason: 'BuildFailed' }), kustomization('r20', { reason: 'BuildFailed' })])
    await explain(kustomization('top', { ...waiting, dependsOn: ['l0', 'r0'] }), reader)
    expect(reader.asked.length).toBeLessThan(200)
  })

  it('says that a dependency is missing, or ready at an older revision', async () => {
    const behind = kustomization('behind', { status: { lastAppliedRevision: 'main@sha1:a' } })
    const found = await explain(kustomization('apps', { ...waiting, dependsOn: ['gone', 'behind', 'fine'] }), readerOf([behind, kustomization('fine', { status: { lastAppliedRevision: 'main@sha1:b' } }), fleet()]))
    expect(found.causes).toMatchObject([
      { place: { name: 'gone' }, state: 'missing' },
      { place: { name: 'behind' }, state: 'waiting', message: 'it is ready at main@sha1:a and the source is at main@sha1:b' },
    ])
  })

  it('tells what it applied and is gone from what it only checks', async () => {
    const check = (name: string): object => ({ apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'apps', name })
    const status = { inventory: { entries: [{ id: 'apps_web_apps_Deployment', v: 'v1' }] } }
    const found = await explain(kustomization('apps', { reason: 'HealthCheckFailed', status, spec: { healthChecks: [check('web'), check('never')] } }), readerOf([fleet()]))
    expect(found.causes).toMatchObject([
      { place: { name: 'web' }, state: 'missing', relation: 'applied' },
      { place: { name: 'never' }, state: 'missing', relation: 'checks' },
    ])
    expect(found.causes).toHaveLength(2)
  })

  it('says that every dependency is ready by now', async () => {
    const found = await explain(kustomization('apps', { ...waiting, dependsOn: ['fine'] }), readerOf([kustomization('fine', { status: { lastAppliedRevision: 'main@sha1:b' } }), fleet()]))
    expect(found).toMatchObject({ causes: [], facts: [expect.stringContaining('ready by now')] })
  })

  it('names the object that the API server refused, with its words', async () => {
    const message = 'Deployment/apps/web dry-run failed (Invalid): spec.selector: field is immutable\nConfigMap/apps/c created'
    const found = await explain(kustomization('apps', { reason: 'ReconciliationFailed', message }), readerOf([fleet()]))
    expect(rootCauses(found)).toMatchObject([{ place: { kind: 'Deployment', name: 'web' }, message: 'Deployment/apps/web dry-run failed (Invalid): spec.selector: field is immutable' }])
  })

  it('goes from an unhealthy inventory down to the container', async () => {
    const owned = (kind: string, name: string, owner: string, fields: object): KubeObject => ({
      apiVersion: kind === 'Pod' ? 'v1' : 'apps/v1',
      kind,
      metadata: { name, namespace: 'apps', uid: name, generation: 1, annotations: { 'deployment.kubernetes.io/revision': name.slice(-1) }, ownerReferences: [{ apiVersion: 'apps/v1', kind: 'X', name: owner, uid: owner }] },
      ...fields,
    })
    const selector = { matchLabels: { app: 'web' } }
    const unready = { observedGeneration: 1, replicas: 1, updatedReplicas: 1, unavailableReplicas: 1 }
    const pod = (name: string): KubeObject =>
      owned('Pod', name, 'web-2', { status: { phase: 'Running', containerStatuses: [{ name: 'app', ready: false, state: { waiting: { reason: 'ImagePullBackOff', message: 'not found' } } }] } })
    const objects = [
      owned('Deployment', 'web', '', { spec: { replicas: 1, selector }, status: unready }),
      owned('ReplicaSet', 'web-1', 'web', { spec: { replicas: 0, selector }, status: { observedGeneration: 1 } }),
      owned('ReplicaSet', 'web-2', 'web', { spec: { replicas: 1, selector }, status: { observedGeneration: 1, replicas: 1 } }),
      pod('web-2-a'),
      pod('web-2-b'),
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'fine', namespace: 'apps', uid: 'fine' } },
      fleet(),
    ]
    const inventory = { entries: [{ id: 'apps_fine__ConfigMap', v: 'v1' }, { id: 'apps_web_apps_Deployment', v: 'v1' }, { id: 'apps_gone__ConfigMap', v: 'v1' }, { id: 'nonsense', v: 'v1' }] }
    const found = await explain(kustomization('apps', { reason: 'HealthCheckFailed', message: 'timeout', status: { inventory } }), readerOf(objects))
    expect(found.causes.map(({ place }) => place.name)).toEqual(['gone', 'web'])
    expect(pathOf(found.causes[1] as Finding)).toEqual(['web', 'web-2', 'web-2-a', 'web-2-a/app'])
    expect(found.causes[1]?.causes[0]?.causes[0]?.facts).toContain('2 of 2 Pods fail like this')
    expect(rootCauses(found)).toMatchObject([{ state: 'missing' }, { reason: 'ImagePullBackOff', message: 'not found' }])
  })

  it('tells what it may not read and goes on', async () => {
    const inventory = { entries: [{ id: 'apps_web_apps_Deployment', v: 'v1' }] }
    const reader = readerOf([], { read: async () => ({ kind: 'unreadable', message: 'deployments is forbidden' }) })
    const found = await explain(kustomization('apps', { reason: 'HealthCheckFailed', status: { inventory } }), reader)
    expect(rootCauses(found)).toMatchObject([{ state: 'unreadable', message: 'deployments is forbidden' }])
  })

  it('does not ask itself whether it is healthy', async () => {
    const inventory = { entries: [{ id: 'apps_apps_kustomize.toolkit.fluxcd.io_Kustomization', v: 'v1' }] }
    const own = kustomization('apps', { reason: 'HealthCheckFailed', status: { inventory } })
    expect((await explain(own, readerOf([own]))).causes).toEqual([])
  })
})
