import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Condition } from '@weir/shared/api'
import { clients, readSource, untilFluxLooked, untilQuiet } from './quiet.ts'
import { changedObjects, changedStatus, countWrites, movedOwnership, readSnapshot, type Snapshot, type Writes } from './snapshot.ts'
import { startWorld, untilFleetReady, untilStored, type Side, type World } from './world.ts'
import { declaredZeroValues, withoutZeroValues } from './zero-values.ts'

/** In the folder `fleet`, the root among them. */
const count = 20

/** Every object of the fleet, one that is missing was not looked at. */
const objects = 79

const bothControllers = ['source-controller', 'kustomize-controller'] as const

describe('a fleet that Flux installed', () => {
  let world: World
  let commit: string
  let last: Snapshot

  beforeAll(async () => {
    world = await startWorld({ definitions: 'flux' })
    commit = await world.remote.resolve('refs/heads/main')
    await handOver('flux')
    await world.declare()
    await untilFleetReady(world.kube, { commit, count })
    await untilQuiet(world, 'flux')
    last = await readSnapshot(world.kube)
  }, 300_000)
  afterAll(async () => world?.[Symbol.asyncDispose]())

  async function handOver(side: Side): Promise<void> {
    for (const controller of bothControllers) await world.rest(controller)
    for (const controller of bothControllers) await world.hand(controller, side)
  }
  /** What a side writes while something is done. */
  async function writesOf(side: Side, act: () => Promise<void>): Promise<Writes> {
    const tail = await world.platform.cluster.tailAudit()
    await act()
    return countWrites(await tail.take(), clients[side])
  }
  const more = (writes: Readonly<Record<string, number>>, most: number): readonly string[] => Object.entries(writes).flatMap(([name, times]) => (times > most ? [`${name}: ${times}`] : []))

  it('is as large as the folder says', () => {
    expect({ kustomizations: last.kustomizations.size, objects: last.objects.size }).toEqual({ kustomizations: count, objects })
  })

  it('is taken over, and no object and no status changes', async () => {
    const source = await readSource(world)
    const writes = await writesOf('weir', async () => {
      await handOver('weir')
      await untilStored(world.kube, commit)
      await untilQuiet(world, 'weir')
    })
    const taken = await readSnapshot(world.kube)

    expect(changedObjects(last, taken)).toEqual([])
    expect(changedStatus(last, taken)).toEqual([])
    // With an empty disk the artifact is made anew, as Flux would: the conditions say the same of a later time.
    expect(untimed(await readSource(world))).toEqual(untimed(source))
    expect(more(writes.status, 2)).toEqual([])
    expect(more(writes.objects, 1)).toEqual([])
    expect(Object.keys(writes.objects).filter((name) => !name.startsWith('patch '))).toEqual([])

    const moved = movedOwnership(last, taken)
    expect(moved.taken).toEqual(declaredZeroValues)
    expect(moved.others).toEqual([])
    expect(withoutZeroValues(moved.given)).toEqual([])
    last = taken
  })

  it('does not change when Weir starts once more, nor is it written', async () => {
    const writes = await writesOf('weir', async () => {
      await handOver('weir')
      await untilQuiet(world, 'weir')
    })
    const again = await readSnapshot(world.kube)
    expect([...changedObjects(last, again), ...changedStatus(last, again)]).toEqual([])
    expect(movedOwnership(last, again).rewritten).toEqual([])
    expect(more(writes.status, 0)).toEqual([])
  })

  it('follows the next commit: changed, added and pruned', async () => {
    commit = await world.commit({
      'apps/kept/kept.yaml': undefined,
      'apps/kept/other.yaml': configMap('other'),
      'apps/switched/added.yaml': configMap('added'),
      'apps/renamed/renamed.yaml': configMap('settings', 'green'),
      'infrastructure/limits/limits.yaml': undefined,
      'infrastructure/limits/fewer.yaml': configMap('limits-are-gone'),
    })
    await untilFleetReady(world.kube, { commit, count })
    const next = await readSnapshot(world.kube)
    expect(changedIds(last, next)).toEqual({
      gone: ['ops_blue-runner-v1__ServiceAccount', 'shop_allow-http_networking.k8s.io_NetworkPolicy', 'shop_default-deny_networking.k8s.io_NetworkPolicy', 'shop_kept__ConfigMap', 'shop_shop__LimitRange', 'shop_shop__ResourceQuota'],
      added: ['shop_added__ConfigMap', 'shop_limits-are-gone__ConfigMap', 'shop_other__ConfigMap'],
    })
    const live = async (name: string): Promise<boolean> => (await world.kube.get({ resource: configMapKind, namespace: 'shop', name })) !== undefined
    expect({ kept: await live('kept') }).toEqual({ kept: true }) // `prune: false`
    last = next
  })

  it('goes back to Flux, and no object changes', async () => {
    await untilQuiet(world, 'weir')
    last = await readSnapshot(world.kube)
    const sinceMs = Date.now()
    const writes = await writesOf('flux', async () => {
      await handOver('flux')
      await untilFluxLooked(world, sinceMs)
      await untilFleetReady(world.kube, { commit, count })
    })
    const back = await readSnapshot(world.kube)
    expect(changedObjects(last, back)).toEqual([])
    expect(lastingStatus(back)).toEqual(lastingStatus(last))
    expect(movedOwnership(last, back)).toEqual({ given: [], taken: [], others: [], rewritten: [] })
    expect(Object.keys(writes.objects).filter((name) => !/^patch (kustomizations|gitrepositories)/.test(name))).toEqual([])
    last = back
  })

  it('follows the next commit under Flux, what Weir applied is pruned, and Weir takes it over again', async () => {
    commit = await world.commit({ 'apps/switched/added.yaml': undefined, 'apps/renamed/renamed.yaml': configMap('settings', 'red') })
    await untilFleetReady(world.kube, { commit, count })
    await untilQuiet(world, 'flux')
    const next = await readSnapshot(world.kube)
    expect(changedIds(last, next)).toEqual({ gone: ['shop_added__ConfigMap'], added: [] })
    expect(await world.kube.get({ resource: configMapKind, namespace: 'shop', name: 'added' })).toBeUndefined()

    await handOver('weir')
    await untilStored(world.kube, commit)
    await untilQuiet(world, 'weir')
    const taken = await readSnapshot(world.kube)
    expect([...changedObjects(next, taken), ...changedStatus(next, taken)]).toEqual([])
  })
})

const configMapKind = { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true }

function configMap(name: string, colour = 'none'): string {
  return `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n  namespace: shop\ndata:\n  colour: ${colour}\n`
}

function changedIds(before: Snapshot, after: Snapshot): { readonly gone: readonly string[]; readonly added: readonly string[] } {
  const only = (one: Snapshot, other: Snapshot): readonly string[] => [...one.objects.keys()].filter((id) => !other.objects.has(id)).toSorted()
  return { gone: only(before, after), added: only(after, before) }
}

/**
 * What of a status tells no time. Flux passes through Unknown in every run, enters every run into the history with the revision of that run, and
 * says how long a health check took.
 */
function lastingStatus({ kustomizations }: Snapshot): unknown {
  return [...kustomizations].map(([name, { status }]) => ({
    name,
    ...status,
    conditions: untimed(status),
    history: status?.history?.map(({ digest, lastReconciledStatus, firstReconciled }) => ({ digest, lastReconciledStatus, firstReconciled })),
  }))
}

function untimed(status: Conditioned | undefined): unknown {
  return status?.conditions?.map(({ lastTransitionTime: _time, ...rest }) => ({ ...rest, message: rest.message.replace(/ in [0-9.]+m?s$/, '') }))
}

interface Conditioned {
  readonly conditions?: readonly Condition[]
}
