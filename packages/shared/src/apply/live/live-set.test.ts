import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import type { Cluster } from '@weir/shared/control-plane'
import { createKube, KubeError, loadConfig } from '@weir/shared/kube'
import { identify, inventoryId } from '@weir/shared/manifest'
import type { KubeObject } from '@weir/shared/manifest'
import { quietTelemetry } from '@weir/shared/telemetry'
import { testControlPlane } from '@weir/shared/testing'
import { ApplyError } from '../apply-error.ts'
import { toInventory } from '../inventory.ts'
import { configMap, definition, namespaceObject, openWorld } from '../test-world.ts'
import type { World } from '../test-world.ts'
import { waitUntilCurrent } from '../wait.ts'
import { isFresh } from './kind-watch.ts'
import type { KindWatch } from './kind-watch.ts'
import { createLiveSet } from './live-set.ts'

const ns = 'apps'
const owner = { namespace: 'flux-system', name: 'apps' }
let cluster: Cluster
let admin: World

beforeAll(async () => {
  cluster = await testControlPlane({ fleet: 'api' })
  admin = await openWorld(cluster.kubeconfig(), owner)
  await admin.apply([namespaceObject(ns), ...mayOnlyGet()])
})
afterAll(async () => {
  await admin.close()
  await cluster.stop()
})

/** Rights of somebody who may read and write objects, and may not watch them. */
function mayOnlyGet() {
  const rules = [{ apiGroups: ['*'], resources: ['*'], verbs: ['get', 'create', 'patch', 'delete'] }]
  const group = 'rbac.authorization.k8s.io'
  const subject = { kind: 'ServiceAccount', name: 'kustomize-controller', namespace: 'weir-system' }
  return [
    { apiVersion: `${group}/v1`, kind: 'ClusterRole', metadata: { name: 'get-only' }, rules },
    { apiVersion: `${group}/v1`, kind: 'ClusterRoleBinding', metadata: { name: 'get-only' }, roleRef: { apiGroup: group, kind: 'ClusterRole', name: 'get-only' }, subjects: [subject] },
  ]
}

/** Its watch is open and has shown all there is. */
async function watched(world: World, key: string): Promise<KindWatch> {
  const kind = world.live.state.kinds.get(key)
  if (kind === undefined) throw new Error(`nobody holds a ${key}`)
  await world.eventually(() => expect(isFresh(kind)).toBe(true))
  return kind
}

/** A definition with these versions in place of its one. */
function inVersions(defined: KubeObject, ...versions: readonly object[]): KubeObject {
  const { spec } = defined as unknown as { readonly spec: { readonly versions: readonly object[] } }
  return { ...defined, spec: { ...spec, versions: versions.map((version) => ({ ...spec.versions[0], ...version })) } }
}

describe('the live set', () => {
  it('watches each kind once, bodies only where they are waited for, and lets go', async () => {
    const world = await admin.restart()
    try {
      const objects = [configMap(ns, 'a'), configMap(ns, 'b')]
      await world.apply(objects)
      await world.apply(objects, { owner: { namespace: 'x', name: 'second' } })
      expect(world.live.size()).toEqual({ objects: 2, kinds: 1, watches: 1 })
      expect(world.live.state.kinds.get('ConfigMap')).toMatchObject({ whole: false, holders: 4 })
      world.live.forget({ namespace: 'x', name: 'second' })
      world.live.hold(owner, [], { waitsFor: 'all' })
      expect(world.live.state.kinds.get('ConfigMap')).toMatchObject({ whole: false, holders: 2 })
      world.live.forget(owner)
      expect(world.live.size().objects).toBe(0)
    } finally {
      await world.close()
    }
  })

  it('asks one by one where it may not watch, and tells it once', async () => {
    const told: string[] = []
    const world = await openWorld(cluster.kubeconfig('kustomize-controller'), owner, { onUnwatched: (kind, { code }) => told.push(`${kind} ${code}`) })
    try {
      const object = configMap(ns, 'unwatched')
      expect(await world.apply([object])).toEqual([`ConfigMap/${ns}/unwatched created`])
      await world.live.synced(owner, AbortSignal.timeout(5000))
      expect(told).toEqual(['ConfigMap forbidden'])
      expect(world.live.unwatched()).toMatchObject([{ kind: 'ConfigMap', error: { code: 'forbidden' } }])
      world.calls()
      expect(await world.apply([object])).toEqual([`ConfigMap/${ns}/unwatched unchanged`])
      expect(world.calls()).toEqual([`get ConfigMap/${ns}/unwatched`])
      expect(await waitUntilCurrent({ live: world.live, owner, refs: [identify(object)], timeoutMs: 5_000, failFast: true, signal: AbortSignal.timeout(6_000) })).toEqual({ kind: 'current' })
    } finally {
      await world.close()
    }
  })

  it('watches a kind from the moment that it is served', async () => {
    const world = await admin.restart()
    const abort = new AbortController()
    try {
      world.kube.discovery.follow(abort.signal)
      const thing = { apiVersion: 'example.com/v1', kind: 'Bulb', metadata: { name: 'b', namespace: ns } }
      world.live.track(owner, toInventory([identify(thing)]))
      await world.live.synced(owner, AbortSignal.timeout(5000))
      expect(world.live.size()).toEqual({ objects: 1, kinds: 1, watches: 0 })
      await admin.apply([definition('bulbs', 'Bulb')])
      await world.eventually(() => expect(world.live.size().watches).toBe(1))
    } finally {
      abort.abort()
      await world.close()
    }
  })
})

it('watches what it could not look up at first, once discovery works', async () => {
  const kube = await createKube({ config: await loadConfig({ kubeconfig: cluster.kubeconfig() }), userAgent: 'weir-test', telemetry: quietTelemetry() })
  const troubles = [new KubeError('unreachable', 'no answer')]
  const resource: typeof kube.discovery.resource = async (...asked) => {
    const trouble = troubles.pop()
    if (trouble !== undefined) throw trouble
    return kube.discovery.resource(...asked)
  }
  const live = createLiveSet({ kube: { ...kube, discovery: { ...kube.discovery, resource } }, telemetry: quietTelemetry(), onDrift: () => undefined })
  try {
    live.start()
    live.track(owner, toInventory([identify(configMap(ns, 'a'))]))
    await live.synced(owner, AbortSignal.timeout(5000))
    expect(live.size()).toEqual({ objects: 1, kinds: 1, watches: 0 })
    await kube.discovery.refresh()
    await admin.eventually(() => expect(live.size().watches).toBe(1))
  } finally {
    live.close()
    await kube.close()
  }
})

describe('a kind that is served otherwise than it was', () => {
  const lamp = (version: string): KubeObject => ({ apiVersion: `example.com/${version}`, kind: 'Lamp', metadata: { name: 'l', namespace: ns }, spec: { size: 1 } })
  const fan: KubeObject = { apiVersion: 'example.com/v1', kind: 'Fan', metadata: { name: 'f', namespace: ns }, spec: { size: 1 } }

  it.each([
    ['its definition says so', true],
    ['its watch finds out', false],
  ])('is watched in another version once its own is not served any more: %s', async (_who, follows) => {
    const world = await admin.restart()
    const abort = new AbortController()
    const defined = (v1: object): KubeObject => inVersions(definition('lamps', 'Lamp'), { name: 'v1', storage: false, ...v1 }, { name: 'v2' })
    try {
      if (follows) world.kube.discovery.follow(abort.signal)
      await admin.apply([defined({})])
      await world.apply([lamp('v1')])
      const kind = await watched(world, 'Lamp.example.com')
      expect(kind.opened?.version).toBe('v1')
      await admin.apply([defined({ served: false })])
      const check = (): void => expect(kind.opened?.version).toBe('v2')
      await world.eventually(check).catch(() => world.eventually(check)) // lists fail some times before discovery may be asked again
      await watched(world, 'Lamp.example.com')
      await world.apply([lamp('v2')])
      world.calls()
      expect(await world.apply([lamp('v2')])).toEqual(['Lamp/apps/l unchanged'])
      expect(world.calls()).toEqual([])
    } finally {
      abort.abort()
      await world.close()
    }
  })

  it('is waited for by its status as soon as it has one', async () => {
    const world = await admin.restart()
    const abort = new AbortController()
    const say = (status: string) => world.edit(fan, { status: { conditions: [{ type: 'Ready', status, reason: 'Said', message: 'warming up' }] } }, { status: true })
    const wait = (timeoutMs: number) => waitUntilCurrent({ live: world.live, owner, refs: [identify(fan)], timeoutMs, failFast: true, signal: AbortSignal.timeout(timeoutMs + 1_000) })
    const health = () => world.live.state.entries.get(inventoryId(identify(fan)))?.health.status
    try {
      world.kube.discovery.follow(abort.signal)
      await admin.apply([inVersions(definition('fans', 'Fan'), { subresources: {} })])
      await world.apply([fan])
      await watched(world, 'Fan.example.com')
      expect(health()).toBe('Current')
      await admin.apply([definition('fans', 'Fan')])
      await world.eventually(() => expect(health()).toBe('Unknown'))
      await world.eventually(() => say('False')) // served by now, or in a moment
      world.live.hold(owner, [], { waitsFor: 'all' })
      expect(await wait(500)).toMatchObject({ kind: 'timeout', objects: [{ ref: { name: 'f' } }] })
      await say('True')
      expect(await wait(5_000)).toEqual({ kind: 'current' })
    } finally {
      abort.abort()
      await world.close()
    }
  })
})

describe('an API server that was restored from a backup', () => {
  const object = configMap(ns, 'restored')
  const id = inventoryId(identify(object))
  let world: World
  let kind: KindWatch

  beforeEach(async () => {
    world = await admin.restart()
    await world.apply([object])
    kind = await watched(world, 'ConfigMap')
    expect(await world.apply([object])).toEqual(['ConfigMap/apps/restored unchanged'])
    world.calls()
  })
  afterEach(() => world.close())

  const entry = () => world.live.state.entries.get(id)
  const seenAt = async (resourceVersion: string) => {
    const live = await world.read(object)
    if (live === undefined) throw new Error('it is gone')
    return { id, facts: world.live.state.sink.factsFor(kind, id, { ...live, metadata: { ...live.metadata, resourceVersion } }) }
  }

  it('is believed when its list is older than what its watch has shown', async () => {
    world.live.state.sink.replaced(kind, [], '1')
    expect(entry()).toMatchObject({ applied: undefined, health: { status: 'NotFound' } })
    await world.apply([object])
    expect(world.calls()).toEqual(['apply ConfigMap/apps/restored', 'apply dry ConfigMap/apps/restored'])
  })

  it('is believed when its list shows an older object', async () => {
    world.live.state.sink.replaced(kind, [await seenAt('2')], '999999999')
    expect(entry()).toMatchObject({ applied: undefined, version: 2 })
    await world.apply([object])
    expect(world.calls()).toContain('apply ConfigMap/apps/restored')
  })

  it('is not taken from a list that was on its way while we wrote', async () => {
    const version = entry()?.version ?? 0
    kind.position = version - 2 // the event of our write has not come yet
    world.live.state.sink.replaced(kind, [await seenAt('2')], String(version - 1))
    expect(entry()).toMatchObject({ version, health: { status: 'Current' } })
    expect(await world.apply([object])).toEqual(['ConfigMap/apps/restored unchanged'])
    expect(world.calls()).toEqual([])
  })
})

describe('a run that is ended', () => {
  it('writes nothing when it ends before the first write', async () => {
    const abort = new AbortController()
    const beforeFirstWrite = async (): Promise<void> => abort.abort(new Error('superseded'))
    const run = admin.apply([configMap(ns, 'never')], { signal: abort.signal, beforeFirstWrite })
    await expect(run).rejects.toThrow('superseded')
    expect(await admin.read(configMap(ns, 'never'))).toBeUndefined()
  })

  it('finishes a stage that it has begun where it is run as critical', async () => {
    const abort = new AbortController()
    const never = new AbortController().signal
    const running = {
      critical: <T>(_name: string, run: (signal: AbortSignal) => Promise<T>) => {
        abort.abort(new Error('superseded'))
        return run(never)
      },
      park: <T>(_name: string, run: (signal: AbortSignal) => Promise<T>) => run(abort.signal),
    }
    expect(await admin.apply([configMap(ns, 'finished')], { signal: abort.signal, running })).toEqual([`ConfigMap/${ns}/finished created`])
  })

  it('does not believe in a write whose answer never came', async () => {
    const object = configMap(ns, 'lost')
    const lossy = { ...admin.kube, apply: async (...args: Parameters<typeof admin.kube.apply>) => {
      const answer = await admin.kube.apply(...args)
      if (args[2].dryRun !== true) throw new ApplyError('cut', { code: 'unreachable' })
      return answer
    } }
    await expect(admin.apply([object], { kube: lossy })).rejects.toThrow('cut')
    expect(await admin.apply([object])).toEqual([`ConfigMap/${ns}/lost unchanged`])
    expect(await admin.apply([object])).toEqual([`ConfigMap/${ns}/lost unchanged`])
  })
})
