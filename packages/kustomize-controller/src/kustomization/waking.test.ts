import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { setTimeout as pause } from 'node:timers/promises'
import type { ControlPlane } from '@weir/shared/control-plane'
import type { KubeObject } from '@weir/shared/kube'
import { installChart, testControlPlane } from '@weir/shared/testing'
import { conditionIn, configMap, inventoryIn, kustomizationOf, messageOf, ofController, openWorld, showCall, until, untilApplied, untilFailed, untilKustomization, yaml } from '../testing-world.ts'
import type { World } from '../testing-world.ts'

let cluster: ControlPlane
let world: World

// Every fallback timer is an hour: what passes here was woken.
beforeAll(async () => {
  cluster = await testControlPlane({ fleet: 'api', fresh: true })
  await installChart(cluster, { controllers: ['kustomize-controller'] })
  world = await openWorld(cluster, { flags: ['--requeue-dependency=1h'] })
})
afterAll(async () => {
  await world.stop()
  await cluster.stop()
})

const appIn = (namespace: string, name = 'app') => ({ namespace, name })
const one = (namespace: string, name = 'a', value = 'value') => ({ 'a.yaml': yaml(configMap({ namespace, name }, { value })) })
const valueOf = async (namespace: string, name = 'a') => ((await world.read(configMap({ namespace, name })))?.['data'] as { value?: unknown } | undefined)?.value
const untilValue = (namespace: string, value: unknown) => until(`value ${String(value)}`, async () => ((await valueOf(namespace)) === value ? true : undefined))
const secret = (namespace: string, name: string, stringData: Record<string, string>): KubeObject => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, stringData })

describe('a source', () => {
  it('wakes who waits for it: when it appears, gets an artifact, and comes back', async () => {
    const ns = await world.namespace()
    await world.kustomization(appIn(ns))
    const missing = await untilFailed(world, appIn(ns), 'ArtifactFailed')
    expect([messageOf(missing), conditionIn(missing, 'Reconciling')?.reason]).toEqual([expect.stringContaining('not found'), 'ProgressingWithRetry'])
    await world.announce(ns, null)
    await untilKustomization(world, appIn(ns), (found) => messageOf(found).startsWith('Source artifact not found'))
    const revision = await world.publish(ns, one(ns))
    const applied = await untilApplied(world, appIn(ns), revision)
    expect(inventoryIn(applied)).toEqual([`${ns}_a__ConfigMap`])
    const repository = { apiVersion: 'source.toolkit.fluxcd.io/v1', kind: 'GitRepository', metadata: { name: 'repo', namespace: ns } }
    const { status } = (await world.read(repository)) as unknown as { status: { artifact: Record<string, string> } }
    await world.remove(repository)
    const lost = await untilFailed(world, appIn(ns), 'ArtifactFailed')
    expect([inventoryIn(lost), lost.status?.lastAppliedRevision, await valueOf(ns)]).toEqual([[`${ns}_a__ConfigMap`], revision, 'value'])
    await world.announce(ns, status.artifact)
    await untilApplied(world, appIn(ns), revision)
  })

  it('that says what its store does not hold is not trusted, and wakes when it says better', async () => {
    const ns = await world.namespace()
    const artifact = await world.store(ns, one(ns))
    await world.announce(ns, { ...artifact, digest: `sha256:${'0'.repeat(64)}` })
    await world.kustomization(appIn(ns))
    const refused = await untilFailed(world, appIn(ns), 'ArtifactFailed')
    expect([messageOf(refused), refused.status?.lastAttemptedRevision]).toEqual([expect.stringMatching(/digest/i), undefined])
    await world.announce(ns, artifact)
    await untilApplied(world, appIn(ns), artifact.revision)
    const next = await world.store(ns, one(ns, 'b'))
    await world.announce(ns, { ...next, url: next.url.replace(/[^/]+$/, 'missing.tar.gz') })
    await untilFailed(world, appIn(ns), 'ArtifactFailed')
    await world.announce(ns, artifact) // back to what was applied: nothing but the status is to be mended
    await untilApplied(world, appIn(ns), artifact.revision)
  })

  it('wakes by content, not by revision alone', async () => {
    const ns = await world.namespace()
    await world.publish(ns, one(ns, 'a', '1'), { revision: 'main@sha1:same' })
    await world.kustomization(appIn(ns))
    await untilApplied(world, appIn(ns), 'main@sha1:same')
    await world.publish(ns, one(ns, 'a', '2'), { revision: 'main@sha1:same' })
    await untilValue(ns, '2')
  })

  it('is reached through the bus too, and a request over the bus runs the object', async () => {
    const ns = await world.namespace()
    const revision = await world.publish(ns, one(ns))
    await world.kustomization(appIn(ns))
    const { status } = await untilApplied(world, appIn(ns), revision)
    expect(status?.lastAppliedRevision).toBe(revision)
    const { bus } = world.controller()
    bus.publish({ type: 'artifact-ready', subject: { kind: 'GitRepository', namespace: ns, name: 'repo' }, facts: { resourceVersion: '1' } })
    bus.publish({ type: 'artifact-ready', subject: { kind: 'Nonsense', namespace: ns, name: 'repo' }, facts: { resourceVersion: 'x' } })
    bus.publish({ type: 'reconcile-requested', subject: { kind: 'Kustomization', namespace: ns, name: 'app' }, facts: {} })
    bus.publish({ type: 'reconcile-requested', subject: { kind: 'Kustomization', namespace: ns, name: 'nobody' }, facts: {} })
    await until('a run', async () => world.controller().logs.find((line) => line.includes(ns) && line.includes('"cause":"token"')))
  })
})

describe('dependsOn', () => {
  const after = (...names: readonly string[]) => ({ dependsOn: names.map((name) => ({ name })) })

  it('waits for what is missing, unready or behind the shared source, and is woken by it', async () => {
    const ns = await world.namespace()
    const first = await world.publish(ns, one(ns))
    await world.kustomization(appIn(ns, 'second'), { ...after('first'), path: './' })
    const waits = await untilFailed(world, appIn(ns, 'second'), 'DependencyNotReady')
    expect(messageOf(waits)).toBe(`dependency '${ns}/first' not found`)
    await world.kustomization(appIn(ns, 'first'), { sourceRef: { kind: 'GitRepository', name: 'nothing' } })
    await untilKustomization(world, appIn(ns, 'second'), (found) => messageOf(found) === `dependency '${ns}/first' is not ready`)
    await world.kustomization(appIn(ns, 'first'))
    await untilApplied(world, appIn(ns, 'second'), first)
    await world.kustomization(appIn(ns, 'first'), { suspend: true })
    await untilKustomization(world, appIn(ns, 'first'), ({ metadata, status }) => status?.observedGeneration === metadata.generation)
    const second = await world.publish(ns, one(ns, 'a', '2'))
    await untilKustomization(world, appIn(ns, 'second'), (found) => messageOf(found) === `dependency '${ns}/first' revision is not up to date`)
    await world.kustomization(appIn(ns, 'first'))
    await untilApplied(world, appIn(ns, 'second'), second)
  })

  it('runs a chain in its order', async () => {
    const ns = await world.namespace()
    await Promise.all([...Array(8).keys()].map((index) => world.kustomization(appIn(ns, `c${index}`), { path: `./${index}`, ...(index > 0 ? after(`c${index - 1}`) : {}) })))
    const revision = await world.publish(ns, Object.fromEntries([...Array(8).keys()].map((index) => [`${index}/a.yaml`, yaml(configMap({ namespace: ns, name: `c${index}` }))])))
    await untilApplied(world, appIn(ns, 'c7'), revision)
    const made = await Promise.all([...Array(8).keys()].map(async (index) => Number((await world.read(configMap({ namespace: ns, name: `c${index}` })))?.metadata.resourceVersion)))
    expect(made).toEqual(made.toSorted((a, b) => a - b))
  })

  it('stalls every member of a circle, names it, and goes on once it is broken', async () => {
    const ns = await world.namespace()
    const revision = await world.publish(ns, Object.fromEntries(['a', 'b', 'c'].map((name) => [`${name}/a.yaml`, yaml(configMap({ namespace: ns, name }))])))
    await world.kustomization(appIn(ns, 'a'), { ...after('b'), path: './a' })
    await world.kustomization(appIn(ns, 'b'), { ...after('c'), path: './b' })
    await untilFailed(world, appIn(ns, 'b'), 'DependencyNotReady')
    await world.kustomization(appIn(ns, 'c'), { ...after('a'), path: './c' })
    for (const [name, circle] of [['a', 'a → b → c → a'], ['b', 'b → c → a → b'], ['c', 'c → a → b → c']] as const) {
      const stalled = await untilFailed(world, appIn(ns, name), 'DependencyCycle')
      const shown = circle.split(' → ').map((each) => `${ns}/${each}`).join(' → ')
      expect([messageOf(stalled), conditionIn(stalled, 'Stalled')?.status, stalled.status?.observedGeneration]).toEqual([expect.stringContaining(shown), 'True', 1])
    }
    await world.kustomization(appIn(ns, 'c'), { path: './c' })
    for (const name of ['a', 'b', 'c']) await untilApplied(world, appIn(ns, name), revision)
  })

  it('stalls who depends on itself, until it does not', async () => {
    const ns = await world.namespace()
    const revision = await world.publish(ns, one(ns))
    await world.kustomization(appIn(ns), after('app'))
    const stalled = await untilFailed(world, appIn(ns), 'DependencyCycle')
    expect(messageOf(stalled)).toContain(`${ns}/app → ${ns}/app`)
    await world.kustomization(appIn(ns))
    await untilApplied(world, appIn(ns), revision)
  })

  it('breaks a circle by deleting one of it', async () => {
    const ns = await world.namespace()
    const revision = await world.publish(ns, one(ns))
    await world.kustomization(appIn(ns, 'a'), after('b'))
    await world.kustomization(appIn(ns, 'b'), after('a'))
    await untilFailed(world, appIn(ns, 'a'), 'DependencyCycle')
    await world.remove(kustomizationOf(appIn(ns, 'b')))
    await untilKustomization(world, appIn(ns, 'a'), (found) => messageOf(found) === `dependency '${ns}/b' not found`)
    await world.kustomization(appIn(ns, 'b'), { prune: false })
    await untilApplied(world, appIn(ns, 'a'), revision)
  })
})

describe('substituteFrom', () => {
  const from = (...references: readonly object[]) => ({ postBuild: { substituteFrom: references } })

  it.each([['labelled', { 'reconcile.fluxcd.io/watch': 'Enabled' }], ['without a label', {}]])('is watched, %s', async (_, labels) => {
    const ns = await world.namespace()
    const revision = await world.publish(ns, one(ns, 'a', '${city}-${tier:-low}'))
    await world.apply(configMap({ namespace: ns, name: 'vars' }, { city: 'bonn' }, { labels }))
    await world.apply(secret(ns, 'secrets', { tier: 'high' }))
    await world.kustomization(appIn(ns), from({ kind: 'ConfigMap', name: 'vars' }, { kind: 'Secret', name: 'secrets' }))
    await untilApplied(world, appIn(ns), revision)
    expect(await valueOf(ns)).toBe('bonn-high')
    await world.edit(configMap({ namespace: ns, name: 'vars' }), { data: { city: 'kiel' } })
    await untilValue(ns, 'kiel-high')
    await world.apply(secret(ns, 'secrets', { tier: 'mid' }))
    await untilValue(ns, 'kiel-mid')
  })

  it('fails while one is missing, goes without an optional one, and is woken when either comes', async () => {
    const ns = await world.namespace()
    const revision = await world.publish(ns, one(ns, 'a', '${city:-none}-${tier:-low}'))
    await world.kustomization(appIn(ns), from({ kind: 'ConfigMap', name: 'vars' }, { kind: 'Secret', name: 'later', optional: true }))
    expect(messageOf(await untilFailed(world, appIn(ns), 'BuildFailed'))).toBe(`substitute from 'ConfigMap/vars': ConfigMap '${ns}/vars' not found`)
    await world.apply(configMap({ namespace: ns, name: 'vars' }, { city: 'bonn' }))
    await untilApplied(world, appIn(ns), revision)
    expect(await valueOf(ns)).toBe('bonn-low')
    await world.apply(secret(ns, 'later', { tier: 'high' }))
    await untilValue(ns, 'bonn-high')
    await world.remove(secret(ns, 'later', {}))
    await untilValue(ns, 'bonn-low')
  })

  it('watches many names of a namespace at once', async () => {
    const ns = await world.namespace()
    const names = [...Array(10).keys()].map((index) => `v${index}`)
    await Promise.all(names.map((name) => world.apply(configMap({ namespace: ns, name }, { [name]: 'w' }))))
    const revision = await world.publish(ns, one(ns, 'a', '${v9}'))
    await world.kustomization(appIn(ns), from(...names.map((name) => ({ kind: 'ConfigMap', name }))))
    await untilApplied(world, appIn(ns), revision)
    await pause(200) // for the watch: what it lists first is what was read
    await world.edit(configMap({ namespace: ns, name: 'v9' }), { data: { v9: 'x' } })
    await untilValue(ns, 'x')
  })
})

describe('a failure', () => {
  it('is tried again after retryInterval', async () => {
    const ns = await world.namespace()
    const revision = await world.publish(ns, { 'a.yaml': yaml(configMap({ namespace: `${ns}-later`, name: 'a' })) })
    await world.kustomization(appIn(ns), { retryInterval: '1s' })
    await untilFailed(world, appIn(ns), 'ReconciliationFailed')
    await world.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: `${ns}-later` } })
    await untilApplied(world, appIn(ns), revision)
  })

  it('costs one status write, and the same again at the next try', async () => {
    const ns = await world.namespace()
    await world.publish(ns, { 'kustomization.yaml': 'resources: [missing.yaml]' })
    const tail = await cluster.tailAudit()
    await world.kustomization(appIn(ns), { retryInterval: '500ms' })
    await untilFailed(world, appIn(ns), 'BuildFailed')
    await pause(1_500)
    const writes = (await tail.take()).filter(ofController).map(showCall).filter((call) => call.endsWith(`kustomizations/status ${ns}/app`))
    expect(writes).toHaveLength(1) // an unchanged failure is an unchanged status
  })
})
