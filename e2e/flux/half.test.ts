import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { clients, readSource, untilFluxLooked, untilQuiet } from './quiet.ts'
import { changedObjects, changedStatus, countWrites, readSnapshot, type Snapshot } from './snapshot.ts'
import { startWorld, untilFleetReady, untilStored, type World } from './world.ts'

const controller = 'kustomize-controller'
const count = 20

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

  // Outside of a cluster Flux elects no leader, so its lease is not waited for here: `e2e/leader.test.ts` shows that with two of ours.
  it('our kustomize-controller takes over from the one of Flux: no object and no status changes', async () => {
    const source = await readSource(world)
    await world.rest(controller)
    const tail = await world.platform.cluster.tailAudit()
    await world.hand(controller, 'weir')
    await untilQuiet(world, 'weir')
    expect(Object.keys(countWrites(await tail.take(), clients.weir).objects).length).toBeGreaterThan(count)
    const taken = await readSnapshot(world.kube)
    expect([...changedObjects(last, taken), ...changedStatus(last, taken)]).toEqual([])
    expect(await readSource(world)).toEqual(source)
    last = taken
  })

  it('the kustomize-controller goes back, the source-controller is swapped: Flux applies what Weir serves, and no object changes', async () => {
    const sinceMs = Date.now()
    await world.rest('source-controller')
    await world.rest(controller)
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
