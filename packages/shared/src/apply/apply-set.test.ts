import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import type { Cluster } from '@weir/shared/control-plane'
import { KubeError } from '@weir/shared/kube'
import type { Kube } from '@weir/shared/kube'
import type { KubeObject } from '@weir/shared/manifest'
import { testControlPlane } from '@weir/shared/testing'
import { ApplyError } from './apply-error.ts'
import { applySet } from './apply-set.ts'
import { closeKind } from './live/kind-watch.ts'
import { configMap, definition, deployment, namespaceObject, openWorld } from './test-world.ts'
import type { World } from './test-world.ts'

const ns = 'apps'
const owner = { namespace: 'flux-system', name: 'apps' }
const switches = (name: string, value: string) => ({ [`kustomize.toolkit.fluxcd.io/${name}`]: value })
let cluster: Cluster
let world: World

beforeAll(async () => {
  cluster = await testControlPlane({ fleet: 'api' })
  world = await openWorld(cluster.kubeconfig(), owner)
  await world.apply([namespaceObject(ns)])
})
afterAll(async () => {
  await world.close()
  await cluster.stop()
})
beforeEach(() => void world.calls())

const read = (object: KubeObject) => world.read(object)
const byKubectl = (object: KubeObject, body: object) => world.edit(object, body)
const refused = async (run: Promise<unknown>): Promise<ApplyError> => {
  const error = await run.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(ApplyError)
  return error as ApplyError
}

describe('applySet', () => {
  it('creates, then costs nothing, then configures what changed alone', async () => {
    const [a, b] = [configMap(ns, 'a'), configMap(ns, 'b')]
    expect(await world.apply([b, a])).toEqual([`ConfigMap/${ns}/a created`, `ConfigMap/${ns}/b created`])
    expect(world.calls()).toEqual([`apply ConfigMap/${ns}/a`, `apply ConfigMap/${ns}/b`, `apply dry ConfigMap/${ns}/a`, `apply dry ConfigMap/${ns}/b`])
    await world.live.synced(owner, AbortSignal.timeout(5000))
    expect(await world.apply([a, b])).toEqual([`ConfigMap/${ns}/a unchanged`, `ConfigMap/${ns}/b unchanged`])
    expect(world.calls()).toEqual([])
    expect(await world.apply([configMap(ns, 'a', { value: '2' }), b])).toEqual([`ConfigMap/${ns}/a configured`, `ConfigMap/${ns}/b unchanged`])
    expect(world.calls()).toEqual([`apply ConfigMap/${ns}/a`])
    expect((await read(a))?.metadata.labels).toMatchObject({ 'kustomize.toolkit.fluxcd.io/name': 'apps', 'kustomize.toolkit.fluxcd.io/namespace': 'flux-system' })
    expect(world.drift).toEqual([])
  })

  it('writes nothing of a stage of which one object is refused, and names it as Flux does', async () => {
    const bad = { ...deployment(ns, 'bad'), spec: { replicas: 'many' } }
    const worse = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'Bad_Name', namespace: ns }, spec: {} }
    const error = await refused(world.apply([configMap(ns, 'good'), bad, worse, namespaceObject('made-before')]))
    expect(error.code).toBe('refused')
    expect(error.message).toMatch(/^Service\/apps\/Bad_Name dry-run failed \(Invalid\): Service "Bad_Name" is invalid/)
    expect(error.message).toContain('\nDeployment/apps/bad dry-run failed')
    expect(error.message).toMatch(/\nNamespace\/made-before created$/)
    expect(error.changes.map(({ action, ref }) => [ref.kind, action])).toEqual([['Namespace', 'created']])
    expect(await read(configMap(ns, 'good'))).toBeUndefined()
  })

  it('applies a Namespace, a definition and what needs them in one go', async () => {
    const crd = definition('widgets', 'Widget')
    const widget = { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'w', namespace: 'fresh' }, spec: { size: 9007199254740993n } }
    const changes = await world.apply([widget, crd, namespaceObject('fresh'), configMap('fresh', 'c')])
    expect(changes).toEqual(['CustomResourceDefinition/widgets.example.com created', 'Namespace/fresh created', 'ConfigMap/fresh/c created', 'Widget/fresh/w created'])
  })

  it('says which kind nobody serves', async () => {
    const error = await refused(world.apply([{ apiVersion: 'nobody.example/v1', kind: 'Ghost', metadata: { name: 'g', namespace: ns } }]))
    expect(error).toMatchObject({ code: 'no-kind', message: `Ghost/${ns}/g dry-run failed: no matches for kind "Ghost" in version "nobody.example/v1"` })
  })

  it('says that a namespace is missing, or not given', async () => {
    expect((await refused(world.apply([configMap('nowhere', 'a')]))).message).toBe('ConfigMap/nowhere/a not found: namespaces "nowhere" not found')
    const { namespace: _unused, ...metadata } = configMap(ns, 'a').metadata
    expect((await refused(world.apply([{ ...configMap(ns, 'a'), metadata }]))).message).toMatch(/^ConfigMap\/a namespace not specified: /)
  })

  it('leaves the namespace of a cluster-scoped object out of its id', async () => {
    const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'weir:r', namespace: ns }, rules: [] }
    const [desired] = await world.declare([role])
    expect(desired?.id).toBe('_weir__r_rbac.authorization.k8s.io_ClusterRole')
    expect(await world.apply([role])).toEqual(['ClusterRole/weir:r created'])
  })

  it('gives an object the same id in a version that nobody serves', async () => {
    const role = { apiVersion: 'rbac.authorization.k8s.io/v9', kind: 'ClusterRole', metadata: { name: 'weir:r', namespace: ns } }
    expect((await world.declare([role])).map(({ id }) => id)).toEqual(['_weir__r_rbac.authorization.k8s.io_ClusterRole'])
  })

  it('writes nothing under an id that is not its own, where its kind is served only since it was declared', async () => {
    const [crd, lantern] = [definition('lanterns', 'Lantern', 'Cluster'), { apiVersion: 'example.com/v1', kind: 'Lantern', metadata: { name: 'l', namespace: ns } }]
    const desired = await world.declare([lantern])
    await world.apply([crd])
    expect(await refused(applySet({ owner, desired, kube: world.kube, live: world.live, signal: AbortSignal.timeout(10_000) }))).toMatchObject({ code: 'no-kind' })
    expect(await read(lantern)).toBeUndefined()
    expect(await world.apply([lantern])).toEqual(['Lantern/l created'])
  })

  it('refuses an object that is declared twice', async () => {
    expect(await refused(world.apply([configMap(ns, 'x'), configMap(ns, 'x', { value: '2' })]))).toMatchObject({ code: 'duplicate', message: `declared more than once: ConfigMap/${ns}/x` })
  })

  it('never shows a value of a Secret', async () => {
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's', namespace: ns }, stringData: { key: 'canary-4711' } }
    const broken = { ...secret, metadata: { ...secret.metadata, name: 't' }, data: { pin: 47114711, list: ['canary-4712'] } }
    const typed = { ...secret, metadata: { ...secret.metadata, name: 'u' }, type: 'kubernetes.io/dockerconfigjson' }
    const { message } = await refused(world.apply([secret, broken, typed]))
    expect(message).toMatch(/Secret\/apps\/t dry-run failed/)
    expect(message).not.toMatch(/canary|4711|Y2FuYXJ5/)
  })

  it('takes over what kubectl wrote, and what it left on the object', async () => {
    const object = configMap(ns, 'adopted')
    const handMade = { ...object, metadata: { ...object.metadata, annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}' } }, data: { value: 'hand', extra: 'x' } }
    await world.kube.create((await world.target(object)).resource, handMade, { manager: 'kubectl-client-side-apply' })
    expect(await world.apply([object])).toEqual([`ConfigMap/${ns}/adopted configured`])
    const live = await read(object)
    expect(live?.['data']).toEqual({ value: '1' })
    expect(live?.metadata.annotations).toBeUndefined()
    expect(live?.metadata.managedFields?.map(({ manager }) => manager)).toEqual(['kustomize-controller'])
  })
})

describe('a manifest that was saved with kubectl', () => {
  it('is applied without what an apply takes off, and then rests', async () => {
    const saved = configMap(ns, 'saved', { annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}' }, labels: { 'fluxcd.io/sync-gc-mark': 'x', mine: 'y' } })
    expect(await world.apply([saved])).toEqual([`ConfigMap/${ns}/saved created`])
    const live = await read(saved)
    expect([live?.metadata.annotations, Object.keys(live?.metadata.labels ?? {}).toSorted()]).toEqual([undefined, ['kustomize.toolkit.fluxcd.io/name', 'kustomize.toolkit.fluxcd.io/namespace', 'mine']])
    await world.live.synced(owner, AbortSignal.timeout(5000))
    world.calls()
    expect(await world.apply([saved])).toEqual([`ConfigMap/${ns}/saved unchanged`])
    expect([world.calls(), world.live.suspects(owner)]).toEqual([[], []])
  })

  it('keeps what else it says', async () => {
    const annotations = { 'kustomize.toolkit.fluxcd.io/checksum': 'x', note: 'mine' }
    await world.apply([configMap(ns, 'noted', { annotations })])
    expect((await read(configMap(ns, 'noted')))?.metadata.annotations).toEqual({ note: 'mine' })
  })
})

describe('a kind that is gone', () => {
  it.each([
    ['its watch saw', 'candles', 'Candle', false],
    ['nobody saw', 'torches', 'Torch', true],
  ] as const)('comes back with the definition that is in the same set, be its end one that %s', async (_, plural, kind, isUnseen) => {
    const [crd, object] = [definition(plural, kind), { apiVersion: 'example.com/v1', kind, metadata: { name: 'x', namespace: ns } }]
    await world.apply([crd, object])
    await world.live.synced(owner, AbortSignal.timeout(5000))
    const watched = world.live.state.kinds.get(`${kind}.example.com`)
    if (watched === undefined) throw new Error(`${kind} is not watched`)
    if (isUnseen) closeKind(watched)
    await world.kube.delete(await world.target(crd))
    await world.eventually(() => expect(world.live.suspects(owner).map(({ ref }) => ref.kind)).toContain('CustomResourceDefinition'))
    if (!isUnseen) await world.eventually(() => expect(watched.trouble?.code).toBe('not-served'))
    expect(await world.apply([crd, object])).toEqual([`CustomResourceDefinition/${plural}.example.com created`, `${kind}/${ns}/x created`])
  })
})

describe('an object that no watch vouches for', () => {
  it('is the one that is named when it cannot be read', async () => {
    const get: Kube['get'] = (target, options) => (target.name === 'second' ? Promise.reject(new KubeError('forbidden', 'not for you')) : world.kube.get(target, options))
    const other = await openWorld(cluster.kubeconfig(), owner, { kube: { ...world.kube, get } })
    try {
      const objects = [configMap(ns, 'first'), configMap(ns, 'second')]
      await other.apply(objects)
      other.live.close()
      expect((await refused(other.apply(objects))).message).toMatch(/^ConfigMap\/apps\/second dry-run failed/)
    } finally {
      await other.close()
    }
  })
})

describe('switches', () => {
  it('leaves alone what Git says to leave alone, without a call', async () => {
    const ignored = configMap(ns, 'ignored', { annotations: switches('ssa', 'Ignore') })
    expect(await world.apply([ignored, configMap(ns, 'beside')])).toEqual([`ConfigMap/${ns}/beside created`, `ConfigMap/${ns}/ignored skipped`])
    expect(world.calls().filter((call) => call.endsWith('ignored'))).toEqual([])
  })

  it('leaves alone what the live object says to leave alone', async () => {
    const object = configMap(ns, 'hands-off')
    await world.apply([object])
    await byKubectl(object, { metadata: { annotations: switches('reconcile', 'Disabled') } })
    expect(await world.apply([configMap(ns, 'hands-off', { value: '2' })])).toEqual([`ConfigMap/${ns}/hands-off skipped`])
    expect((await read(object))?.['data']).toEqual({ value: '1' })
  })

  it('creates once what is wanted only if it is not there', async () => {
    const once = (value: string) => configMap(ns, 'once', { value, annotations: switches('ssa', 'IfNotPresent') })
    expect(await world.apply([once('1')])).toEqual([`ConfigMap/${ns}/once created`])
    expect(await world.apply([once('2')])).toEqual([`ConfigMap/${ns}/once skipped`])
  })

  it.each([
    ['that is wanted only where there is none', switches('ssa', 'IfNotPresent'), {}],
    ['that says to be left alone', {}, switches('reconcile', 'disabled')],
  ])('creates what was left to an object of somebody else %s, once that is gone', async (_, declared, theirs) => {
    const name = `theirs-${Object.keys(declared).length}`
    const object = configMap(ns, name, { annotations: declared })
    const target = await world.target(object)
    await world.kube.create(target.resource, configMap(ns, name, { value: 'theirs', annotations: theirs }), { manager: 'somebody' })
    for (let time = 0; time < 2; time++) expect(await world.apply([object])).toEqual([`ConfigMap/${ns}/${name} skipped`])
    expect((await read(object))?.['data']).toEqual({ value: 'theirs' })
    await world.kube.delete(target)
    expect(await world.apply([object])).toEqual([`ConfigMap/${ns}/${name} created`])
  })

  it('lets others keep their fields where it merges', async () => {
    const merged = configMap(ns, 'merged', { annotations: switches('ssa', 'Merge') })
    await world.apply([merged])
    await byKubectl(merged, { data: { extra: 'kept' } })
    await world.apply([configMap(ns, 'merged', { value: '2', annotations: switches('ssa', 'Merge') })])
    expect((await read(merged))?.['data']).toEqual({ value: '2', extra: 'kept' })
  })
})

describe('force', () => {
  const job = (image: string, annotations: Record<string, string> = {}) => ({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'migrate', namespace: ns, annotations },
    spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'm', image }] } } },
  })

  it('refuses what no update may change', async () => {
    await world.apply([job('a:1')])
    expect((await refused(world.apply([job('a:2')]))).message).toMatch(/^Job\/apps\/migrate dry-run failed \(Invalid\): .*field is immutable/)
  })

  it.each([
    ['the spec', { force: true }, {}],
    ['an annotation', {}, switches('force', 'Enabled')],
  ])('recreates it where %s says so', async (_name, options, annotations) => {
    const image = `a:${JSON.stringify(options).length}`
    const before = await read(job('a:1'))
    expect(await world.apply([job(image, annotations)], options)).toEqual([`Job/${ns}/migrate created`])
    expect((await read(job(image)))?.metadata.uid).not.toBe(before?.metadata.uid)
  })

  it('does not delete an object that could not be created again', async () => {
    const before = await read(job('a:1'))
    const broken = { ...job('a:3'), spec: { template: { spec: { restartPolicy: 'Nonsense', containers: [{ name: 'm', image: 'a:3' }] } } } }
    await refused(world.apply([broken], { force: true }))
    expect((await read(job('a:1')))?.metadata.uid).toBe(before?.metadata.uid)
  })
})
