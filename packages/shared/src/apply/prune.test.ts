import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Cluster } from '@weir/shared/control-plane'
import type { Kube } from '@weir/shared/kube'
import { identify } from '@weir/shared/manifest'
import type { KubeObject } from '@weir/shared/manifest'
import { testControlPlane } from '@weir/shared/testing'
import { showChange } from './change.ts'
import { toInventory } from './inventory.ts'
import type { Inventory } from './inventory.ts'
import { prune } from './prune.ts'
import type { PruneResult } from './prune.ts'
import { waitForTermination } from './terminate.ts'
import { configMap, definition, namespaceObject, openWorld } from './test-world.ts'
import type { World } from './test-world.ts'

const ns = 'apps'
const owner = { namespace: 'flux-system', name: 'apps' }
const signal = AbortSignal.timeout(100_000)
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

const inventoryOf = (...objects: readonly KubeObject[]): Inventory => toInventory(objects.map(identify))
const start = async (...objects: readonly KubeObject[]): Promise<Inventory> => {
  await world.apply(objects)
  await world.live.synced(owner, signal)
  world.calls()
  return inventoryOf(...objects)
}
const run = (stale: Inventory, kube = world.kube): Promise<PruneResult> => prune({ owner, stale, kube, live: world.live, signal })
/** Somebody is quicker: after a deletion was decided, and before it is sent, once. */
const overtakenBy = (somebody: () => Promise<unknown>): Kube => {
  const late = [somebody]
  return {
    ...world.kube,
    async delete(target, options) {
      await late.pop()?.()
      return world.kube.delete(target, options)
    },
  }
}
const shown = ({ changes }: PruneResult) => changes.map(showChange)
const annotated = (name: string, key: string, value: string) => configMap(ns, name, { annotations: { [`kustomize.toolkit.fluxcd.io/${key}`]: value } })

describe('prune', () => {
  it('deletes with one call an object, and that is no drift', async () => {
    const stale = await start(configMap(ns, 'a'), configMap(ns, 'b'))
    const result = await run(stale)
    expect(shown(result).toSorted()).toEqual(['ConfigMap/apps/a deleted', 'ConfigMap/apps/b deleted'])
    expect(result).toMatchObject({ survivors: [], message: undefined })
    expect(world.calls()).toEqual(['delete ConfigMap/apps/a', 'delete ConfigMap/apps/b'])
    expect(await world.read(configMap(ns, 'a'))).toBeUndefined()
    await world.eventually(() => expect([...world.live.state.entries.values()].filter(({ bits }) => (bits & 1) !== 0).length).toBe(0))
    expect(world.drift).toEqual([])
  })

  it('leaves what its labels give to somebody else, and what is protected where it lives', async () => {
    const kept = [annotated('kept', 'prune', 'disabled'), configMap(ns, 'foreign'), configMap(ns, 'live-only')]
    const stale = await start(...kept)
    await world.edit(configMap(ns, 'live-only'), { metadata: { annotations: { 'kustomize.toolkit.fluxcd.io/reconcile': 'Disabled' } } })
    await world.edit(configMap(ns, 'foreign'), { metadata: { labels: { 'kustomize.toolkit.fluxcd.io/name': 'another' } } })
    expect(shown(await run(stale)).toSorted()).toEqual(['ConfigMap/apps/foreign skipped', 'ConfigMap/apps/kept skipped', 'ConfigMap/apps/live-only skipped'])
    expect(await world.read(configMap(ns, 'foreign'))).toBeDefined()
  })

  it('leaves what goes to somebody else after it was looked at', async () => {
    const object = configMap(ns, 'given-away')
    const stale = await start(object)
    const target = await world.target(object)
    const body = { metadata: { labels: { 'kustomize.toolkit.fluxcd.io/name': 'another' } } }
    const kube = overtakenBy(() => world.kube.patch(target, { type: 'merge', body, manager: 'rival' }))
    expect(shown(await run(stale, kube))).toEqual(['ConfigMap/apps/given-away skipped'])
    expect((await world.read(object))?.metadata.labels).toMatchObject(body.metadata.labels)
  })

  it('leaves what somebody else put in the place of what it looked at', async () => {
    const object = configMap(ns, 'replaced')
    const stale = await start(object)
    const target = await world.target(object)
    const kube = overtakenBy(async () => {
      await world.kube.delete(target)
      await world.kube.create(target.resource, object, { manager: 'rival' })
    })
    expect(shown(await run(stale, kube))).toEqual(['ConfigMap/apps/replaced skipped'])
    expect((await world.read(object))?.metadata).toMatchObject({ name: 'replaced' })
  })

  it('is not protected by what stands in Git alone', async () => {
    const stale = await start(configMap(ns, 'unprotected'))
    await world.apply([annotated('unprotected', 'reconcile', 'disabled')])
    expect(shown(await run(stale))).toEqual(['ConfigMap/apps/unprotected deleted'])
  })

  it('counts what is gone already as deleted', async () => {
    expect(shown(await run(inventoryOf(configMap(ns, 'never')))) ).toEqual(['ConfigMap/apps/never deleted'])
  })

  it('reads again before it deletes an object that has moved', async () => {
    const object = configMap(ns, 'moved')
    const stale = await start(object)
    const target = await world.target(object)
    // The watch may not have brought this yet when the deletion is sent, which then names an old resourceVersion.
    await world.kube.patch(target, { type: 'merge', body: { metadata: { annotations: { x: 'y' } } }, manager: 'rival' })
    const result = await run(stale)
    expect(shown(result)).toEqual(['ConfigMap/apps/moved deleted'])
  })

  it('deletes in the reverse order of an apply', async () => {
    const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'weir-r' }, rules: [] }
    const stale = await start(role, configMap(ns, 'before'))
    expect(shown(await run(stale))).toEqual(['ConfigMap/apps/before deleted', 'ClusterRole/weir-r deleted'])
  })

  it('knows when a kind is gone for certain, and doubts where it is not', async () => {
    const crd = definition('gizmos', 'Gizmo')
    const gizmo = { apiVersion: 'example.com/v1', kind: 'Gizmo', metadata: { name: 'g', namespace: ns } }
    const stale = await start(crd, gizmo)
    const apiService = { apiVersion: 'apiregistration.k8s.io/v1', kind: 'APIService', metadata: { name: 'v1.dead.example.com' }, spec: { group: 'dead.example.com', version: 'v1', groupPriorityMinimum: 10, versionPriority: 10, service: { name: 'none', namespace: ns, port: 443 }, insecureSkipTLSVerify: true } }
    await world.apply([apiService])
    const doubted = [{ id: `${ns}_x_dead.example.com_Thing`, v: 'v1' }]
    await world.kube.delete(await world.target(crd))
    const result = await prune({ owner, stale: [...stale.filter(({ id }) => id.includes('Gizmo')), ...doubted], kube: world.kube, live: world.live, signal })
    expect(result.survivors).toEqual(expect.arrayContaining(doubted))
    expect(result.message).toMatch(/^delete failed, errors: .*Thing\/apps\/x delete failed: .*not certain;$/)
    await world.kube.delete(await world.target(apiService))
  })

  it('deletes no object for an id that is not its own, and forgets the id', async () => {
    const beacon = { apiVersion: 'example.com/v1', kind: 'Beacon', metadata: { name: 'b' } }
    await start(definition('beacons', 'Beacon', 'Cluster'), beacon)
    // As declared while nobody served the kind: kustomize puts a namespace on every kind that it does not know.
    const result = await run([{ id: `${ns}_b_example.com_Beacon`, v: 'v1' }, { id: '_b__ConfigMap', v: 'v1' }])
    expect(shown(result).toSorted()).toEqual([`Beacon/${ns}/b skipped`, 'ConfigMap/b skipped'])
    expect(result).toMatchObject({ survivors: [], message: undefined })
    expect(world.calls()).toEqual([])
    expect(await world.read(beacon)).toBeDefined()
  })

  it('never deletes for an entry that it cannot read, and keeps it', async () => {
    const odd = [{ id: 'nonsense', v: 'v1' }]
    expect(await run(odd)).toMatchObject({ changes: [], survivors: odd, message: expect.stringContaining('"nonsense"') })
  })

  it('collects what the API server refuses, and goes on', async () => {
    const user = await openWorld(cluster.kubeconfig('kustomize-controller'), owner)
    try {
      const stale = await start(configMap(ns, 'forbidden'))
      const result = await prune({ owner, stale, kube: user.kube, live: world.live, signal })
      expect(result).toMatchObject({ survivors: stale, changes: [] })
      expect(result.message).toMatch(/^delete failed, errors: ConfigMap\/apps\/forbidden delete failed: .*forbidden.*;$/)
    } finally {
      await user.close()
    }
  })
})

describe('waitForTermination', () => {
  it('ends when the last finalizer goes', async () => {
    const object = { ...configMap(ns, 'slow'), metadata: { name: 'slow', namespace: ns, finalizers: ['example.com/wait'] } }
    const stale = await start(object)
    await run(stale)
    const options = { live: world.live, owner, refs: [identify(object)], signal }
    expect(await waitForTermination({ ...options, timeoutMs: 50 })).toMatchObject({ kind: 'timeout', message: 'timeout waiting for termination of: [ConfigMap/apps/slow]' })
    const waiting = waitForTermination({ ...options, timeoutMs: 10_000 })
    await world.kube.patch(await world.target(object), { type: 'merge', body: { metadata: { finalizers: null } } })
    expect(await waiting).toEqual({ kind: 'gone' })
  })

  it('has as much time as it is given, be it more than a timer of Node can count', async () => {
    const object = { ...configMap(ns, 'patient'), metadata: { name: 'patient', namespace: ns, finalizers: ['example.com/wait'] } }
    await run(await start(object))
    const waiting = waitForTermination({ live: world.live, owner, refs: [identify(object)], timeoutMs: 3e9, signal })
    expect(await Promise.race([waiting, new Promise((resolve) => setTimeout(resolve, 100))])).toBeUndefined()
    await world.kube.patch(await world.target(object), { type: 'merge', body: { metadata: { finalizers: null } } })
    expect(await waiting).toEqual({ kind: 'gone' })
  })

  it.each([
    ['before it looked what is served', 'gadgets', 'Gadget', false],
    ['after it looked what is served', 'widgets', 'Widget', true],
  ] as const)('does not wait, in a process that never saw it, for an object whose kind went %s', async (_, plural, kind, looked) => {
    const crd = definition(plural, kind)
    const object = { apiVersion: 'example.com/v1', kind, metadata: { name: 'g', namespace: ns } }
    const stale = await start(crd, object)
    const next = await world.restart()
    try {
      if (looked) expect(await next.kube.discovery.resource(identify(object))).toBeDefined()
      await run(stale)
      await world.eventually(async () => expect(await world.read(crd)).toBeUndefined())
      next.live.hold(owner, stale)
      expect(await waitForTermination({ live: next.live, owner, refs: [identify(object), identify(crd)], timeoutMs: 20_000, signal })).toEqual({ kind: 'gone' })
    } finally {
      await next.close()
    }
  })
})
