import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import type { Cluster } from '@weir/shared/control-plane'
import { KubeError } from '@weir/shared/kube'
import type { Kube } from '@weir/shared/kube'
import type { KubeObject } from '@weir/shared/manifest'
import { testControlPlane } from '@weir/shared/testing'
import { applySet } from './apply-set.ts'
import { correctDrift } from './correct.ts'
import type { CorrectResult } from './correct.ts'
import { createFights } from './fights.ts'
import { toInventory } from './inventory.ts'
import { closeKind, openKind } from './live/kind-watch.ts'
import { configMap, deployment, namespaceObject, openWorld } from './test-world.ts'
import type { World } from './test-world.ts'

const ns = 'apps'
const owner = { namespace: 'flux-system', name: 'apps' }
const other = { namespace: 'flux-system', name: 'other' }
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
beforeEach(() => {
  world.drift.length = 0
})

const start = async (...objects: readonly KubeObject[]): Promise<void> => {
  await world.apply(objects)
  await world.live.synced(owner, AbortSignal.timeout(5000))
  world.calls()
}
const noticed = () => world.eventually(() => expect(world.drift).toContain('flux-system/apps'))
const correct = async (objects: readonly KubeObject[], fights = createFights(), nowMs = performance.now(), kube: Kube = world.kube): Promise<CorrectResult> =>
  correctDrift({ owner, desired: await world.declare(objects), kube, live: world.live, fights, intervalMs: 60_000, nowMs, signal: AbortSignal.timeout(10_000) })
/** The kind is listed once more, as after a 410. */
const relist = async (key: string): Promise<void> => {
  const kind = world.live.state.kinds.get(key)
  if (kind === undefined) throw new Error(`nobody holds a ${key}`)
  closeKind(kind)
  await openKind(world.kube, kind, world.live.state.sink)
  await kind.handle?.synced
}
/** Long enough for an event that must not come. */
const quiet = () => new Promise((resolve) => setTimeout(resolve, 150))

describe('drift', () => {
  it('is corrected with two calls where kubectl wrote, and says who and what', async () => {
    const app = deployment(ns, 'web')
    await start(app)
    await world.edit(app, { spec: { replicas: 5, template: { metadata: { annotations: { mine: 'x' } } } } })
    await noticed()
    expect(world.live.suspects(owner)).toMatchObject([{ id: 'apps_web_apps_Deployment', cause: 'changed' }])
    const { corrections } = await correct([app])
    expect(corrections).toMatchObject([{ cause: 'changed', outcome: 'corrected', by: { manager: 'kubectl-edit' }, paths: ['.spec.replicas'], contested: false }])
    expect(world.calls()).toEqual(['apply Deployment/apps/web', 'patch Deployment/apps/web'])
    const live = await world.read(app)
    expect(live?.['spec']).toMatchObject({ replicas: 1 })
    expect(JSON.stringify(live)).not.toContain('"mine"')
    expect(world.live.suspects(owner)).toEqual([])
  })

  it('is corrected with two calls, too, where the status has moved since kubectl wrote', async () => {
    const app = deployment(ns, 'moved')
    await start(app)
    await world.edit(app, { spec: { replicas: 5 } })
    await noticed()
    await world.edit(app, { status: { replicas: 5 } }, { manager: 'kube-controller-manager', status: true })
    expect((await correct([app])).corrections).toMatchObject([{ outcome: 'corrected', by: { manager: 'kubectl-edit' }, paths: ['.spec.replicas'] }])
    expect(world.calls()).toEqual(['apply Deployment/apps/moved', 'patch Deployment/apps/moved'])
    expect((await world.read(app))?.['spec']).toMatchObject({ replicas: 1 })
  })

  it('is corrected in the end where somebody writes while it is corrected', async () => {
    const map = configMap(ns, 'behind')
    await start(map)
    await world.edit(map, { data: { key: 'kubectl' } })
    await noticed()
    const target = await world.target(map)
    const corrected = correct([map])
    await world.kube.patch(target, { type: 'merge', body: { data: { mine: 'x' } }, manager: 'kubectl-patch' })
    expect((await corrected).corrections).toMatchObject([{ outcome: 'corrected' }])
    await noticed()
    await world.eventually(async () => {
      await correct([map])
      expect((await world.read(map))?.['data']).toEqual(map['data'])
    })
  })

  it('is corrected with one call where another controller took a field', async () => {
    const object = configMap(ns, 'taken')
    await start(object)
    await world.edit(object, { data: { value: 'theirs' } }, { manager: 'other-controller' })
    await noticed()
    const { corrections } = await correct([object])
    expect(corrections).toMatchObject([{ outcome: 'corrected', by: { manager: 'other-controller' }, paths: ['.data.value'] }])
    expect(world.calls()).toEqual(['apply ConfigMap/apps/taken'])
    expect((await world.read(object))?.['data']).toEqual({ value: '1' })
  })

  it('is a deletion', async () => {
    const object = configMap(ns, 'deleted')
    await start(object)
    await world.kube.delete(await world.target(object))
    await noticed()
    world.calls()
    expect((await correct([object])).corrections).toMatchObject([{ cause: 'deleted', outcome: 'corrected', by: undefined }])
    expect(world.calls()).toEqual(['apply ConfigMap/apps/deleted', 'get ConfigMap/apps/deleted'])
    expect(await world.read(object)).toBeDefined()
  })

  it('is not corrected while nobody can say what became of the object', async () => {
    const object = configMap(ns, 'unreadable')
    await start(object)
    await world.kube.delete(await world.target(object))
    await noticed()
    const kube: Kube = { ...world.kube, get: () => Promise.reject(new KubeError('unreachable', 'no answer')) }
    expect(await correct([object], createFights(), 0, kube)).toMatchObject({ corrections: [], failures: [{ code: 'unreachable' }] })
    expect(await world.read(object)).toBeUndefined()
    expect((await correct([object])).corrections).toMatchObject([{ cause: 'deleted', outcome: 'corrected' }])
  })

  it('is the loss of the owner labels', async () => {
    const object = configMap(ns, 'unlabelled')
    await start(object)
    await world.kube.patch(await world.target(object), { type: 'merge', body: { metadata: { labels: null } }, manager: 'kubectl-label' })
    await noticed()
    expect((await correct([object])).corrections).toMatchObject([{ outcome: 'corrected' }])
    expect((await world.read(object))?.metadata.labels).toMatchObject({ 'kustomize.toolkit.fluxcd.io/name': 'apps' })
  })

  it('is not what others write to fields that nobody declares, nor status, nor our own writes', async () => {
    const app = deployment(ns, 'quiet')
    await start(app)
    await world.edit(app, { metadata: { annotations: { 'deployment.kubernetes.io/revision': '1' } } }, { manager: 'kube-controller-manager' })
    await world.edit(app, { status: { replicas: 1 } }, { manager: 'kube-controller-manager', status: true })
    await world.apply([deployment(ns, 'quiet', 'registry.example/app:2')])
    await world.edit(app, { status: { replicas: 2 } }, { manager: 'kubectl-edit', status: true })
    await quiet()
    expect(world.drift).toEqual([])
    expect(world.live.suspects(owner)).toEqual([])
  })

  it('is not the end of a Job that cleans up after itself', async () => {
    const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'm', image: 'a:1' }] } }
    const job = { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'gone', namespace: ns }, spec: { ttlSecondsAfterFinished: 1, template } }
    await start(job)
    await world.kube.delete(await world.target(job), { propagation: 'Background' })
    await quiet()
    expect(world.drift).toEqual([])
    expect(await world.apply([job])).toEqual(['Job/apps/gone created'])
  })

  it('is left alone while a live switch says so, and corrected when the switch goes', async () => {
    const object = configMap(ns, 'switched')
    const key = 'kustomize.toolkit.fluxcd.io/reconcile'
    await start(object)
    await world.edit(object, { metadata: { annotations: { [key]: 'disabled' } }, data: { value: 'mine' } })
    await quiet()
    expect(world.live.suspects(owner)).toEqual([])
    expect(await world.apply([object])).toEqual(['ConfigMap/apps/switched skipped'])
    await world.edit(object, { metadata: { annotations: { [key]: null } } })
    await noticed()
    expect((await correct([object])).corrections).toMatchObject([{ outcome: 'corrected' }])
    expect((await world.read(object))?.['data']).toEqual({ value: '1' })
  })

  it('of an object that was corrected a moment ago waits, and is contested the third time', async () => {
    const object = configMap(ns, 'fought')
    const fights = createFights()
    await start(object)
    const fight = async (now: number): Promise<CorrectResult> => {
      world.drift.length = 0
      await world.edit(object, { data: { value: String(now) } }, { manager: 'rival' })
      await noticed()
      return correct([object], fights, now)
    }
    expect((await fight(1_000)).corrections).toMatchObject([{ contested: false }])
    const second = await fight(1_400)
    expect(second).toMatchObject({ corrections: [], againMs: 600 })
    expect((await correct([object], fights, 2_000)).corrections).toMatchObject([{ outcome: 'corrected', contested: false }])
    expect((await fight(10_000)).corrections).toMatchObject([{ contested: true, by: { manager: 'rival' }, paths: ['.data.value'] }])
  })

  it('is seen by the interval where no watch vouches for the kind', async () => {
    const object = configMap(ns, 'unwatched')
    await start(object)
    const kind = world.live.state.kinds.get('ConfigMap')
    kind?.handle?.close()
    kind?.abort?.abort()
    if (kind !== undefined) kind.handle = undefined
    expect(await world.apply([object])).toEqual(['ConfigMap/apps/unwatched unchanged'])
    expect(world.calls()).toEqual(['get ConfigMap/apps/unwatched'])
    await world.kube.patch(await world.target(object), { type: 'merge', body: { data: { value: 'x' } }, manager: 'rival' })
    expect(await world.apply([object])).toEqual(['ConfigMap/apps/unwatched configured'])
  })
})

describe('an object that is protected and has lost our labels', () => {
  const key = 'kustomize.toolkit.fluxcd.io'
  const mine = { data: { value: 'mine' } }

  it.each([
    ['reconcile', 'disabled'],
    ['ssa', 'Ignore'],
  ])('is left alone where it lives under %s: %s', async (name, value) => {
    const object = configMap(ns, `kept-${name}`)
    await start(object)
    const body = { metadata: { annotations: { [`${key}/${name}`]: value }, labels: null }, ...mine }
    await world.kube.patch(await world.target(object), { type: 'merge', body, manager: 'kubectl-patch' })
    await noticed()
    world.calls()
    expect((await correct([object])).corrections).toMatchObject([{ cause: 'deleted', outcome: 'skipped' }])
    expect(world.calls()).toEqual([`get ConfigMap/apps/kept-${name}`])
    expect((await world.read(object))?.['data']).toEqual(mine.data)
    world.drift.length = 0
    await relist('ConfigMap')
    expect(world.drift).toEqual([])
  })

  it('is left alone where somebody recreated it and Git says IfNotPresent; what nobody recreated is created', async () => {
    const [object, missing] = ['recreated', 'missing'].map((name) => configMap(ns, name, { annotations: { [`${key}/ssa`]: 'IfNotPresent' } })) as [KubeObject, KubeObject]
    await start(object, missing)
    for (const each of [object, missing]) await world.kube.delete(await world.target(each))
    await world.eventually(() => expect(world.live.suspects(owner).map(({ cause }) => cause)).toEqual(['deleted', 'deleted']))
    const { resource } = await world.target(object)
    await world.kube.create(resource, { ...configMap(ns, 'recreated'), ...mine }, { manager: 'operator' })
    const { corrections } = await correct([object, missing])
    expect(corrections.map(({ ref, outcome }) => `${ref.name} ${outcome}`)).toEqual(['missing corrected', 'recreated skipped'])
    expect((await world.read(object))?.['data']).toEqual(mine.data)
    expect((await world.read(missing))?.['data']).toEqual(missing['data'])
  })

  it.each([
    ['of its own', configMap(ns, 'never-ours', { annotations: { [`${key}/reconcile`]: 'disabled' } }), configMap(ns, 'never-ours')],
    ['in Git', configMap(ns, 'never-sent'), configMap(ns, 'never-sent', { annotations: { [`${key}/ssa`]: 'IfNotPresent' } })],
  ])('is no drift when its kind is listed again, if it was left alone from the beginning because of a switch %s', async (_where, theirs, ours) => {
    await start(configMap(ns, 'watched'))
    const { resource } = await world.target(ours)
    await world.kube.create(resource, { ...theirs, ...mine }, { manager: 'operator' })
    expect(await world.apply([configMap(ns, 'watched'), ours])).toEqual([`ConfigMap/apps/${ours.metadata.name} skipped`, 'ConfigMap/apps/watched unchanged'])
    world.calls()
    await relist('ConfigMap')
    expect(world.drift).toEqual([])
    expect((await correct([ours])).corrections).toEqual([])
    expect(world.calls()).toEqual([])
    expect((await world.read(ours))?.['data']).toEqual(mine.data)
  })
})

describe('an object that two owners declare', () => {
  it('is never fought over by events, and taken back only with a claim', async () => {
    const object = configMap(ns, 'shared')
    await start(object)
    const theirs = await applySet({ owner: other, desired: await world.declare([object], other), kube: world.kube, live: world.live, claims: true, signal: AbortSignal.timeout(5000) })
    expect(theirs.changes).toMatchObject([{ action: 'configured', sharedWith: owner }])
    await quiet()
    expect(world.live.suspects(owner)).toEqual([])
    expect(await world.apply([object])).toEqual(['ConfigMap/apps/shared unchanged'])
    const desired = await world.declare([object])
    const { changes } = await applySet({ owner, desired, kube: world.kube, live: world.live, claims: true, signal: AbortSignal.timeout(5000) })
    expect(changes).toMatchObject([{ action: 'configured', sharedWith: other }])
    world.live.track(owner, toInventory(desired.map(({ ref }) => ref)))
  })

  it('is drift again once the other lets go of it', async () => {
    const object = configMap(ns, 'handed-back')
    await start(object)
    await world.apply([object], { owner: other })
    await quiet()
    world.drift.length = 0
    world.live.forget(other)
    expect(world.drift).toEqual(['flux-system/apps'])
    expect((await correct([object])).corrections).toMatchObject([{ cause: 'relabelled', outcome: 'corrected' }])
  })
})

describe('after a restart', () => {
  it('verifies what the live set knows with one call an object, and changes nothing', async () => {
    const objects = [configMap(ns, 'kept'), deployment(ns, 'kept')]
    await start(...objects)
    const next = await world.restart()
    try {
      const desired = await next.declare(objects)
      next.live.track(owner, toInventory(desired.map(({ ref }) => ref)))
      await next.live.synced(owner, AbortSignal.timeout(5000))
      expect(await next.apply(objects, { verifies: true })).toEqual(['ConfigMap/apps/kept unchanged', 'Deployment/apps/kept unchanged'])
      expect(next.calls()).toEqual(['apply ConfigMap/apps/kept', 'apply Deployment/apps/kept'])
      await next.edit(configMap(ns, 'kept'), { data: { value: 'theirs' } }, { manager: 'rival' })
      expect(await next.apply(objects)).toEqual(['ConfigMap/apps/kept configured', 'Deployment/apps/kept unchanged'])
    } finally {
      await next.close()
    }
  })

  it('takes no change of ownership for a change of the object: zero values that Flux declared and nobody else', async () => {
    const object = deployment(ns, 'fluxed')
    const { next } = await installedByFlux(object, { spec: { strategy: {} } })
    try {
      const before = await next.read(object)
      expect(await next.apply([object], { verifies: true })).toEqual(['Deployment/apps/fluxed unchanged'])
      expect(next.calls()).toEqual(['apply Deployment/apps/fluxed', 'get Deployment/apps/fluxed', 'list Deployment'])
      const after = await next.read(object)
      expect(after?.metadata.resourceVersion).not.toBe(before?.metadata.resourceVersion) // or nothing was taken over
      expect(after?.metadata.generation).toBe(before?.metadata.generation)
      expect(await next.apply([object], { verifies: true })).toEqual(['Deployment/apps/fluxed unchanged'])
      expect(next.calls()).toEqual([])
    } finally {
      await next.close()
    }
  })

  it('sees the change behind a change of ownership: a label that is not declared any more', async () => {
    const { next } = await installedByFlux(deployment(ns, 'labelled'), { metadata: { ...deployment(ns, 'labelled').metadata, labels: { old: 'label' } } })
    try {
      expect(await next.apply([deployment(ns, 'labelled')], { verifies: true })).toEqual(['Deployment/apps/labelled configured'])
    } finally {
      await next.close()
    }
  })
})

/** Applied with what Go's types add, then known to the live set of a process that has applied nothing yet. */
async function installedByFlux(object: KubeObject, zeros: object): Promise<{ readonly next: World }> {
  const [declared] = await world.declare([object])
  const body = JSON.parse(String(declared?.body)) as KubeObject & { readonly spec?: object }
  const { spec, metadata, ...rest } = zeros as { readonly spec?: object; readonly metadata?: object }
  const sent = { ...body, ...rest, metadata: { ...body.metadata, ...metadata, labels: { ...body.metadata.labels, ...(metadata as { labels?: object } | undefined)?.labels } }, ...(body.spec && { spec: { ...body.spec, ...spec } }) }
  await world.kube.apply(await world.target(object), sent, { manager: 'kustomize-controller', force: true })
  const next = await world.restart()
  next.live.track(owner, toInventory((await next.declare([object])).map(({ ref }) => ref)))
  await next.live.synced(owner, AbortSignal.timeout(5000))
  next.calls()
  return { next }
}
