import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ControlPlane } from '@weir/shared/control-plane'
import { createKube, loadConfig } from '@weir/shared/kube'
import type { Kube } from '@weir/shared/kube'
import { quietTelemetry } from '@weir/shared/telemetry'
import { testControlPlane } from '@weir/shared/testing'
import { configMap, namespaceObject, openWorld } from '../test-world.ts'
import type { World } from '../test-world.ts'

const ns = 'apps'
const owner = { namespace: 'flux-system', name: 'apps' }
let cluster: ControlPlane
let watching: Kube
let world: World

beforeAll(async () => {
  cluster = await testControlPlane({ fleet: 'api', fresh: true })
  const config = await loadConfig({ kubeconfig: cluster.kubeconfig() })
  // A watch that is silent for longer is not believed: no longer than it takes to restart an API server.
  watching = await createKube({ config, userAgent: 'weir-test', telemetry: quietTelemetry(), limits: { silenceMs: 2_000 } })
  world = await openWorld(cluster.kubeconfig(), owner, { kube: watching })
})
afterAll(async () => {
  await world.close()
  await watching.close()
  await cluster.stop()
})

const dataOf = () => join(cluster.dir, 'etcd')
const backupOf = () => join(cluster.dir, 'backup')

/** Of an etcd that stands still: what it would find after a crash. */
async function backUp(): Promise<void> {
  await cluster.pause('etcd')
  await cp(dataOf(), backupOf(), { recursive: true })
  cluster.resume('etcd')
}

async function restore(): Promise<void> {
  await cluster.kill('kube-apiserver')
  await cluster.kill('etcd')
  await rm(dataOf(), { recursive: true })
  await cp(backupOf(), dataOf(), { recursive: true })
  await cluster.restart('etcd')
  await cluster.restart('kube-apiserver')
}

it('what a restore of etcd rolled back is applied again, what it lost is created, and drift is seen as before', async () => {
  const [kept, changed, added] = [configMap(ns, 'kept'), configMap(ns, 'changed', { value: '2' }), configMap(ns, 'added')]
  const all = [namespaceObject(ns), kept, changed, added]
  await world.apply([namespaceObject(ns), kept, configMap(ns, 'changed')])
  await backUp()
  await world.apply(all)
  // So many that the API server, which writes as it starts, does not come to these revisions soon.
  const target = await world.target(kept)
  for (let at = 0; at < 300; at++) await world.kube.patch(target, { type: 'merge', body: { metadata: { annotations: { at: String(at) } } }, manager: 'somebody' })
  await restore()
  expect(await world.apply(all)).toEqual(expect.arrayContaining(['ConfigMap/apps/added created', 'ConfigMap/apps/changed configured']))
  expect((await world.read(changed))?.['data']).toEqual(changed['data'])
  expect(await world.read(added)).toBeDefined()

  world.drift.length = 0
  await world.kube.patch(target, { type: 'merge', body: { data: { value: 'theirs' } }, manager: 'rival' })
  await world.eventually(() => expect(world.drift).toContain('flux-system/apps'))
})
