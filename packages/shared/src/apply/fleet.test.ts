import { afterAll, beforeAll, expect, it } from '@jest/globals'
import type { Cluster } from '@weir/shared/control-plane'
import { identify } from '@weir/shared/manifest'
import type { KubeObject } from '@weir/shared/manifest'
import { testControlPlane } from '@weir/shared/testing'
import { toInventory } from './inventory.ts'
import { configMap, deployment, namespaceObject, openWorld } from './test-world.ts'
import type { World } from './test-world.ts'
import { waitUntilCurrent } from './wait.ts'

// The app of the benches, on a cluster that really rolls Deployments out: what docs/benchmarks.md promises in calls.
const ns = 'fleet'
const owner = { namespace: 'flux-system', name: 'app' }
let cluster: Cluster
let world: World

beforeAll(async () => {
  cluster = await testControlPlane({ fleet: 'full' })
  world = await openWorld(cluster.kubeconfig(), owner)
  await world.apply([namespaceObject(ns)], { owner: { ...owner, name: 'namespaces' } })
})
afterAll(async () => {
  await world.close()
  await cluster.stop()
})

const app = (version: string): readonly KubeObject[] => [
  configMap(ns, 'app', { value: version }),
  { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'app', namespace: ns } },
  { apiVersion: 'v1', kind: 'Service', metadata: { name: 'app', namespace: ns }, spec: { clusterIP: 'None', selector: { app: 'app' }, ports: [{ port: 80 }] } },
  deployment(ns, 'app', `registry.example/app:${version}`),
]
const converge = async (objects: readonly KubeObject[]): Promise<readonly string[]> => {
  world.live.hold(owner, toInventory(objects.map(identify)), { waitsFor: 'all' })
  const changes = await world.apply(objects)
  const verdict = await waitUntilCurrent({ live: world.live, owner, refs: objects.map(identify), timeoutMs: 60_000, failFast: true, signal: AbortSignal.timeout(70_000) })
  expect(verdict).toEqual({ kind: 'current' })
  return changes
}

it('installs with two calls an object, upgrades with two for each that changed, and rests with none', async () => {
  world.calls()
  await converge(app('1'))
  expect(world.calls()).toHaveLength(8)
  expect(await converge(app('2'))).toEqual(['ServiceAccount/fleet/app unchanged', 'ConfigMap/fleet/app configured', 'Service/fleet/app unchanged', 'Deployment/fleet/app configured'])
  expect(world.calls()).toHaveLength(4)
  await converge(app('2'))
  expect(world.calls()).toEqual([])
  const live = await world.read(deployment(ns, 'app'))
  expect(live?.['status']).toMatchObject({ observedGeneration: live?.metadata.generation, updatedReplicas: 1, availableReplicas: 1 })
  expect(world.drift).toEqual([])
})

it('takes the scale of a Deployment back within a moment', async () => {
  const [, , , web] = app('2')
  if (web === undefined) throw new Error('no Deployment')
  await world.edit(web, { spec: { replicas: 3 } }, { manager: 'kubectl-scale' })
  await world.eventually(() => expect(world.drift).toEqual(['flux-system/app']))
  expect(await world.apply(app('2'))).toContain('Deployment/fleet/app configured')
  await converge(app('2'))
  expect((await world.read(web))?.['spec']).toMatchObject({ replicas: 1 })
})
