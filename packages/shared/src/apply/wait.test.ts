import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Cluster } from '@weir/shared/control-plane'
import { identify } from '@weir/shared/manifest'
import type { KubeObject } from '@weir/shared/manifest'
import { testControlPlane } from '@weir/shared/testing'
import { toInventory } from './inventory.ts'
import { configMap, definition, deployment, namespaceObject, openWorld } from './test-world.ts'
import type { World } from './test-world.ts'
import { waitUntilCurrent } from './wait.ts'
import type { WaitOptions, WaitVerdict } from './wait.ts'

const ns = 'apps'
const owner = { namespace: 'flux-system', name: 'apps' }
let cluster: Cluster
let world: World

beforeAll(async () => {
  cluster = await testControlPlane({ fleet: 'api' })
  world = await openWorld(cluster.kubeconfig(), owner)
  await world.apply([namespaceObject(ns), definition('lamps', 'Lamp')])
})
afterAll(async () => {
  await world.close()
  await cluster.stop()
})

const start = async (...objects: readonly KubeObject[]): Promise<void> => {
  world.live.hold(owner, toInventory(objects.map(identify)), { waitsFor: 'all' })
  await world.apply(objects)
  world.calls()
}
const wait = (objects: readonly KubeObject[], options: Partial<WaitOptions> = {}): Promise<WaitVerdict> =>
  waitUntilCurrent({ live: world.live, owner, refs: objects.map(identify), timeoutMs: 10_000, failFast: true, signal: AbortSignal.timeout(20_000), ...options })
const rolled = (generation: number) => ({
  observedGeneration: generation,
  replicas: 1,
  updatedReplicas: 1,
  readyReplicas: 1,
  availableReplicas: 1,
  conditions: [
    { type: 'Available', status: 'True', reason: 'MinimumReplicasAvailable', message: '' },
    { type: 'Progressing', status: 'True', reason: 'NewReplicaSetAvailable', message: '' },
  ],
})
const roll = (object: KubeObject, generation: number) => world.edit(object, { status: rolled(generation) }, { status: true, manager: 'kube-controller-manager' })
const isSettled = async (waiting: Promise<unknown>): Promise<boolean> => Promise.race([waiting.then(() => true), new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 100))])

describe('waitUntilCurrent', () => {
  it('needs no call for what is current once it is applied', async () => {
    const objects = [configMap(ns, 'a'), namespaceObject('another')]
    await start(...objects)
    expect(await wait(objects)).toEqual({ kind: 'current' })
    expect(world.calls()).toEqual([])
  })

  it('ends at the event that makes the last object current', async () => {
    const objects = [configMap(ns, 'b'), deployment(ns, 'web')]
    await start(...objects)
    const waiting = wait(objects)
    expect(await isSettled(waiting)).toBe(false)
    await roll(deployment(ns, 'web'), 1)
    expect(await waiting).toEqual({ kind: 'current' })
    expect(world.calls()).toEqual([])
  })

  it('does not take the health of an older generation for that of the new one', async () => {
    const before = deployment(ns, 'next')
    await start(before)
    await roll(before, 1)
    expect(await wait([before])).toEqual({ kind: 'current' })
    await world.apply([deployment(ns, 'next', 'registry.example/app:2')])
    const waiting = wait([before])
    expect(await isSettled(waiting)).toBe(false)
    await roll(before, 2)
    expect(await waiting).toEqual({ kind: 'current' })
  })

  it('says at the end of its time what it waited for', async () => {
    const objects = [deployment(ns, 'z'), deployment(ns, 'y'), configMap(ns, 'c')]
    await start(...objects)
    expect(await wait(objects, { timeoutMs: 50 })).toMatchObject({
      kind: 'timeout',
      message: "timeout waiting for: [Deployment/apps/y status: 'InProgress', Deployment/apps/z status: 'InProgress']",
    })
  })

  it('has as much time as it is given, be it more than a timer of Node can count', async () => {
    const object = deployment(ns, 'patient')
    await start(object)
    const waiting = wait([object], { timeoutMs: 3e9 })
    expect(await isSettled(waiting)).toBe(false)
    await roll(object, 1)
    expect(await waiting).toEqual({ kind: 'current' })
  })

  it('tells a verdict before anything that follows it', async () => {
    const lamp = { apiVersion: 'example.com/v1', kind: 'Lamp', metadata: { name: 'flickers', namespace: ns } }
    const say = (type: string) => world.edit(lamp, { status: { conditions: [{ type, status: 'True', reason: 'R', message: 'm' }] } }, { status: true, manager: 'lamp-controller' })
    await start(lamp, deployment(ns, 'beside'))
    const entry = world.live.state.entries.get(`${ns}_flickers_example.com_Lamp`)
    const told: unknown[] = []
    const waiting = wait([lamp, deployment(ns, 'beside')], { onVerdict: ({ kind }) => told.push([kind, entry?.health.status]) })
    await say('Stalled')
    await say('Ready')
    expect(await waiting).toMatchObject({ kind: 'failed' })
    expect(told).toEqual([['failed', 'Failed']])
  })

  it('ends early at the first that has failed, or at the end of the others', async () => {
    const lamp = (name: string) => ({ apiVersion: 'example.com/v1', kind: 'Lamp', metadata: { name, namespace: ns } })
    const say = (name: string, type: string) => world.edit(lamp(name), { status: { conditions: [{ type, status: 'True', reason: 'R', message: 'm' }] } }, { status: true, manager: 'lamp-controller' })
    const objects = [lamp('one'), deployment(ns, 'slow')]
    await start(...objects)
    const [fast, slow] = [wait(objects), wait(objects, { failFast: false })]
    await say('one', 'Stalled')
    expect(await fast).toMatchObject({ kind: 'failed', message: "failed early due to stalled resources: [Lamp/apps/one status: 'Failed']" })
    expect(await isSettled(slow)).toBe(false)
    await roll(deployment(ns, 'slow'), 1)
    expect(await slow).toMatchObject({ kind: 'failed' })
    await say('one', 'Ready')
    expect(await wait(objects)).toEqual({ kind: 'current' })
  })

  it('waits for objects of others with one watch each, and for those that are not there yet', async () => {
    const foreign = deployment('other', 'theirs')
    const waiting = [wait([foreign]), wait([foreign])]
    expect(await isSettled(Promise.race(waiting))).toBe(false)
    expect(world.live.state.foreign.size).toBe(1)
    await expect(wait([foreign], { timeoutMs: 50 })).resolves.toMatchObject({ message: "timeout waiting for: [Deployment/other/theirs status: 'NotFound']" })
    const { resource } = await world.target(namespaceObject('other'))
    await world.kube.create(resource, namespaceObject('other'))
    const target = await world.target(foreign)
    await world.kube.create(target.resource, foreign)
    await world.kube.patch(target, { type: 'merge', subresource: 'status', body: { status: rolled(1) } })
    expect(await Promise.all(waiting)).toEqual([{ kind: 'current' }, { kind: 'current' }])
    expect(world.live.state.foreign.size).toBe(0)
  })

  it('does not wait for what a switch keeps us from', async () => {
    const skipped = { ...deployment(ns, 'skipped'), metadata: { name: 'skipped', namespace: ns, annotations: { 'kustomize.toolkit.fluxcd.io/ssa': 'Ignore' } } }
    await start(skipped)
    expect(await wait([skipped])).toEqual({ kind: 'current' })
  })

  it('does not end early when a kind begins to be waited for', async () => {
    const object = deployment(ns, 'late')
    world.live.track(owner, [], { waitsFor: [] })
    await world.apply([object])
    await world.live.synced(owner, AbortSignal.timeout(5000))
    world.live.hold(owner, [], { waitsFor: 'all' })
    const waiting = wait([object])
    expect(await isSettled(waiting)).toBe(false)
    await roll(object, 1)
    expect(await waiting).toEqual({ kind: 'current' })
  })

  it('ends with the reason of its signal', async () => {
    const object = deployment(ns, 'aborted')
    await start(object)
    const abort = new AbortController()
    const waiting = wait([object], { signal: abort.signal })
    abort.abort(new Error('superseded'))
    await expect(waiting).rejects.toThrow('superseded')
    expect(world.live.state.holders.get('flux-system/apps')?.listeners).toBeUndefined()
  })
})
