import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { setTimeout as pause } from 'node:timers/promises'
import { annotations } from '@weir/shared/api'
import type { ControlPlane } from '@weir/shared/control-plane'
import type { KubeObject } from '@weir/shared/kube'
import { installChart, testControlPlane } from '@weir/shared/testing'
import { configMap, inventoryIn, kustomizationOf, messageOf, ofController, openWorld, showCall, until, untilApplied, untilFailed, untilKustomization, yaml } from '../testing-world.ts'
import type { World } from '../testing-world.ts'

let cluster: ControlPlane
let world: World
/** By `step phase`: what happens there, once. */
const meanwhile = new Map<string, () => Promise<unknown>>()

beforeAll(async () => {
  cluster = await testControlPlane({ fleet: 'api', fresh: true })
  await installChart(cluster, { controllers: ['kustomize-controller'] })
  world = await openWorld(cluster, {
    async onStep(name, phase) {
      const happens = meanwhile.get(`${name} ${phase}`)
      meanwhile.delete(`${name} ${phase}`)
      await happens?.()
    },
  })
})
afterAll(async () => {
  await world.stop()
  await cluster.stop()
})

const appIn = (namespace: string) => ({ namespace, name: 'app' })
const clusterRole = (name: string): KubeObject => ({ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name }, rules: [] })

/** Of a cluster-scoped kind. */
async function define(plural: string, kind: string): Promise<void> {
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } }
  const versions = [{ name: 'v1', served: true, storage: true, schema }]
  await world.apply({ apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: `${plural}.example.com` }, spec: { group: 'example.com', scope: 'Cluster', names: { plural, kind }, versions } })
  await until(`${kind} is served`, async () => {
    await world.kube.discovery.refresh({ maxAgeMs: 0 })
    return world.kube.discovery.resource({ group: 'example.com', kind, version: 'v1' })
  })
}

describe('an object of a cluster-scoped kind that kustomize does not know', () => {
  it('lives on through a commit that names a version nobody serves', async () => {
    const ns = await world.namespace()
    await define('beacons', 'Beacon')
    const beacon = { apiVersion: 'example.com/v1', kind: 'Beacon', metadata: { name: 'b' } }
    const spec = { targetNamespace: ns, retryInterval: '1s' } // kustomize puts the namespace on the Beacon, too
    const first = await world.publish(ns, { 'a.yaml': yaml(beacon) })
    await world.kustomization(appIn(ns), spec)
    const installed = await untilApplied(world, appIn(ns), first)
    expect(inventoryIn(installed)).toEqual(['_b_example.com_Beacon'])
    const uid = (await world.read(beacon))?.metadata.uid
    expect(uid).toBeDefined()
    await world.publish(ns, { 'a.yaml': yaml({ ...beacon, apiVersion: 'example.com/v9' }, clusterRole(`${ns}-r`)) })
    expect(messageOf(await untilFailed(world, appIn(ns), 'ReconciliationFailed'))).toContain('no matches for kind "Beacon" in version "example.com/v9"')
    const reverted = await world.publish(ns, { 'a.yaml': yaml(beacon) })
    expect(inventoryIn(await untilApplied(world, appIn(ns), reverted))).toEqual(['_b_example.com_Beacon'])
    expect([(await world.read(beacon))?.metadata.uid, await world.read(clusterRole(`${ns}-r`))]).toEqual([uid, undefined])
  })

  it('is not deleted for the id that it was declared with before its kind was there', async () => {
    const ns = await world.namespace()
    const lantern = { apiVersion: 'example.com/v1', kind: 'Lantern', metadata: { name: 'l', namespace: ns } }
    const revision = await world.publish(ns, { 'a.yaml': yaml(lantern, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: `${ns}-made` } }) })
    await world.kustomization(appIn(ns), { retryInterval: '1s' })
    expect(inventoryIn(await untilFailed(world, appIn(ns), 'ReconciliationFailed'))).toContain(`${ns}_l_example.com_Lantern`)
    const tail = await cluster.tailAudit()
    await define('lanterns', 'Lantern')
    expect(inventoryIn(await untilApplied(world, appIn(ns), revision))).toEqual(['_l_example.com_Lantern', `_${ns}-made__Namespace`].toSorted())
    await pause(300) // the audit log is a moment behind
    expect((await tail.take()).filter(ofController).map(showCall).filter((call) => call.startsWith('delete'))).toEqual([])
  })
})

describe('what another process adds to the inventory while a run is on its way', () => {
  it('stays there, and is pruned by the next run', async () => {
    const ns = await world.namespace()
    const [a, b, theirs] = [`${ns}_a__ConfigMap`, `${ns}_b__ConfigMap`, `${ns}_theirs__ConfigMap`]
    const added = configMap({ namespace: ns, name: 'theirs' }, {}, { labels: { 'kustomize.toolkit.fluxcd.io/name': 'app', 'kustomize.toolkit.fluxcd.io/namespace': ns } })
    const first = await world.publish(ns, { 'a.yaml': yaml(configMap({ namespace: ns, name: 'a' })) })
    await world.kustomization(appIn(ns))
    await untilApplied(world, appIn(ns), first)
    meanwhile.set('build begin', async () => {
      await world.apply(added)
      await world.edit(kustomizationOf(appIn(ns)), { status: { inventory: { entries: [a, theirs].map((id) => ({ id, v: 'v1' })) } } }, { status: true })
    })
    const second = await world.publish(ns, { 'a.yaml': yaml(configMap({ namespace: ns, name: 'a' }), configMap({ namespace: ns, name: 'b' })) })
    expect(inventoryIn(await untilApplied(world, appIn(ns), second))).toEqual([a, b, theirs])
    expect(await world.read(added)).toBeDefined()
    await world.edit(kustomizationOf(appIn(ns)), { metadata: { annotations: { [annotations.requestedAt]: 'now' } } })
    const again = await untilKustomization(world, appIn(ns), ({ status }) => status?.lastHandledReconcileAt === 'now')
    expect([inventoryIn(again), await world.read(added)]).toEqual([[a, b], undefined])
  })
})
