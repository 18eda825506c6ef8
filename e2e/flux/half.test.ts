import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { until } from '../fleet.ts'
import { clients, readSource, untilFluxLooked, untilQuiet } from './quiet.ts'
import { changedObjects, changedStatus, countWrites, readSnapshot, type Snapshot } from './snapshot.ts'
import { startWorld, untilFleetReady, untilStored, type World } from './world.ts'

const controller = 'kustomize-controller'
const count = 20

/** Short ones: the defaults would make this a test of patience. */
const election = ['--enable-leader-election', '--leader-election-lease-duration=6s', '--leader-election-renew-deadline=4s', '--leader-election-retry-period=1s']

describe('one controller of a fleet is swapped, the other stays with Flux', () => {
  let world: World
  let commit: string
  let last: Snapshot

  beforeAll(async () => {
    world = await startWorld({ definitions: 'flux' })
    await world.hand('source-controller', 'flux')
    await world.hand(controller, 'flux')
    commit = await world.remote.resolve('refs/heads/main')
    await world.declare()
    await untilFleetReady(world.kube, { commit, count })
    await untilQuiet(world, 'flux')
    last = await readSnapshot(world.kube)
  }, 300_000)
  afterAll(async () => world?.[Symbol.asyncDispose]())

  it('our kustomize-controller waits for the lease that Flux holds, and takes over once it is given back: no object and no status changes', async () => {
    const source = await readSource(world)
    const tail = await world.platform.cluster.tailAudit()
    await world.platform.start(controller, { flags: election })
    await untilQuiet(world, 'weir')
    expect(countWrites(await tail.take(), clients.weir)).toEqual({ status: {}, objects: {} })

    await world.flux.controller(controller).stop()
    await until('our controller works', async () => (Object.keys(countWrites(await tail.take(), clients.weir).objects).length > 0 ? true : undefined), { everyMs: 250 })
    await untilQuiet(world, 'weir')
    const taken = await readSnapshot(world.kube)
    expect([...changedObjects(last, taken), ...changedStatus(last, taken)]).toEqual([])
    expect(await readSource(world)).toEqual(source)
    last = taken
  })

  it('the kustomize-controller goes back, the source-controller is swapped: Flux applies what Weir serves, and no object changes', async () => {
    const sinceMs = Date.now()
    await world.rest('source-controller')
    await world.hand('source-controller', 'weir')
    await world.hand(controller, 'flux')
    await untilStored(world.kube, commit)
    await untilFluxLooked(world, sinceMs)
    const back = await readSnapshot(world.kube)
    expect(changedObjects(last, back)).toEqual([])

    commit = await world.commit({ 'apps/kept/second.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: second\n  namespace: shop\n' })
    await untilFleetReady(world.kube, { commit, count })
    expect([...(await readSnapshot(world.kube)).objects.keys()]).toContain('shop_second__ConfigMap')
  })
})
