import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { setTimeout as pause } from 'node:timers/promises'
import type { Artifact } from '@weir/shared/api'
import type { ControlPlane } from '@weir/shared/control-plane'
import type { KubeObject } from '@weir/shared/kube'
import { installChart, testControlPlane } from '@weir/shared/testing'
import { conditionIn, configMap, kustomizationOf, ofController, openWorld, showCall, until, untilApplied, untilFailed, untilKustomization, yaml } from '../testing-world.ts'
import type { World } from '../testing-world.ts'

let cluster: ControlPlane
let world: World

beforeAll(async () => {
  cluster = await testControlPlane({ fleet: 'api', fresh: true })
  await installChart(cluster, { controllers: ['kustomize-controller'] })
  world = await openWorld(cluster)
})
afterAll(async () => {
  await world.stop()
  await cluster.stop()
})

const appIn = (namespace: string, name = 'app') => ({ namespace, name })
const service = (namespace: string, name: string): KubeObject => ({ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace }, spec: { clusterIP: 'None', selector: { app: name }, ports: [{ port: 80 }] } })
const valueOf = async (namespace: string, name = 'a') => ((await world.read(configMap({ namespace, name })))?.['data'] as { value?: unknown } | undefined)?.value
const untilValue = (namespace: string, value: string) => until(`value ${value}`, async () => ((await valueOf(namespace)) === value ? true : undefined))
const setValue = (namespace: string, value: string, manager = 'somebody') => world.edit(configMap({ namespace, name: 'a' }), { data: { value } }, { manager })
const eventsIn = async (namespace: string) => {
  const { items } = await world.kube.list({ group: '', version: 'v1', kind: 'Event', plural: 'events', namespaced: true }, { namespace })
  return items as unknown as readonly { type: string; reason: string; message: string; involvedObject: { name: string } }[]
}
const untilEvent = (namespace: string, reason: string) => until(reason, async () => (await eventsIn(namespace)).find((event) => event.reason === reason))

async function install(spec: Record<string, unknown> = {}): Promise<string> {
  const ns = await world.namespace()
  const revision = await world.publish(ns, { 'a.yaml': yaml(configMap({ namespace: ns, name: 'a' }, { value: 'declared' }), service(ns, 's')) })
  await world.kustomization(appIn(ns), spec)
  await untilApplied(world, appIn(ns), revision)
  return ns
}

describe('drift', () => {
  it('is corrected at once, told, and writes no status', async () => {
    const ns = await install()
    const before = await untilKustomization(world, appIn(ns), () => true)
    await pause(300)
    const tail = await cluster.tailAudit()
    await setValue(ns, 'by hand')
    await untilValue(ns, 'declared')
    const told = await untilEvent(ns, 'DriftCorrected')
    expect([told.type, told.message]).toEqual(['Normal', expect.stringMatching(new RegExp(`^ConfigMap/${ns}/a corrected: changed by somebody at .*: .data.value$`))])
    await pause(300)
    const calls = (await tail.take()).filter(ofController).map(showCall)
    expect(calls.filter((call) => !call.includes('events'))).toEqual([`patch configmaps ${ns}/a`])
    expect((await untilKustomization(world, appIn(ns), () => true)).metadata.resourceVersion).toBe(before.metadata.resourceVersion)
    const types = world.controller().told.filter(({ subject }) => subject.namespace === ns).map(({ type }) => type)
    expect(types.slice(-2)).toEqual(['drift-detected', 'drift-corrected'])
  })

  it.each([
    ['a deleted object', async (ns: string) => world.remove(configMap({ namespace: ns, name: 'a' }))],
    ['an edit by kubectl', (ns: string) => setValue(ns, 'by hand', 'kubectl-edit')],
    ['taken owner labels', (ns: string) => world.edit(configMap({ namespace: ns, name: 'a' }), { metadata: { labels: { 'kustomize.toolkit.fluxcd.io/name': 'nobody' } } })],
  ] as const)('undoes %s', async (_, edit) => {
    const ns = await install()
    await edit(ns)
    await until('as declared', async () => {
      const found = await world.read(configMap({ namespace: ns, name: 'a' }))
      const managers = (found?.metadata.managedFields ?? []).map(({ manager }) => manager)
      return (await valueOf(ns)) === 'declared' && found?.metadata.labels?.['kustomize.toolkit.fluxcd.io/name'] === 'app' && !managers.includes('kubectl-edit') ? true : undefined
    })
  })

  it('leaves what others add', async () => {
    const ns = await install()
    await world.edit(configMap({ namespace: ns, name: 'a' }), { data: { more: 'theirs' }, metadata: { annotations: { note: 'x' } } })
    await pause(400)
    expect((await world.read(configMap({ namespace: ns, name: 'a' })))?.['data']).toEqual({ value: 'declared', more: 'theirs' })
  })

  it('is contested at the third time', async () => {
    const ns = await install()
    for (const value of ['1', '2', '3']) {
      await setValue(ns, value, 'rival')
      await untilValue(ns, 'declared')
    }
    const contested = await untilEvent(ns, 'DriftContested')
    expect([contested.type, contested.message]).toEqual(['Warning', expect.stringMatching(new RegExp(`^ConfigMap/${ns}/a is changed again and again: .*rival.*.data.value`))])
  })

  it('that cannot be corrected as it is takes the full path, force included', async () => {
    const ns = await world.namespace()
    const revision = await world.publish(ns, { 'a.yaml': yaml({ ...service(ns, 's'), spec: { clusterIP: 'None', ports: [{ port: 80 }] } }) })
    await world.kustomization(appIn(ns), { force: true })
    await untilApplied(world, appIn(ns), revision)
    await world.remove(service(ns, 's'))
    await world.apply({ ...service(ns, 's'), spec: { clusterIP: '10.0.0.77', ports: [{ port: 80 }] } }).catch(() => undefined) // unless it was made again already
    await until('headless', async () => (((await world.read(service(ns, 's')))?.['spec'] as { clusterIP?: string } | undefined)?.clusterIP === 'None' ? true : undefined))
    await untilApplied(world, appIn(ns), revision)
  })
})

describe('a steady object', () => {
  it('costs no object calls and writes nothing, interval after interval', async () => {
    const ns = await install({ interval: '1s', wait: true })
    await untilKustomization(world, appIn(ns), (found) => conditionIn(found, 'Healthy')?.status === 'True')
    await pause(500)
    const tail = await cluster.tailAudit()
    const before = await untilKustomization(world, appIn(ns), () => true)
    const runs = () => world.controller().logs.filter((line) => line.includes(ns) && line.includes('nothing changed')).length
    const already = runs()
    await until('three intervals', async () => (runs() >= already + 3 ? true : undefined))
    await pause(200)
    expect((await tail.take()).filter(ofController).map(showCall).filter((call) => call.includes(ns))).toEqual([])
    expect((await untilKustomization(world, appIn(ns), () => true)).status).toEqual(before.status)
  })

  it('is told of no more than once', async () => {
    const ns = await install({ interval: '1s' })
    await pause(2_500)
    expect((await eventsIn(ns)).map(({ reason }) => reason)).toEqual(['ReconciliationSucceeded'])
    expect(world.controller().told.filter(({ subject }) => subject.namespace === ns).map(({ type }) => type)).toEqual(['applied', 'converged'])
  })
})

describe('an object of two Kustomizations', () => {
  it('goes to whoever changes last, with a warning, is fought over by nobody, and survives the other', async () => {
    const ns = await world.namespace()
    const files = (by: string) => ({ [`${by}/a.yaml`]: yaml(configMap({ namespace: ns, name: 'a' }, { value: by })) })
    const revision = await world.publish(ns, { ...files('one'), ...files('two') })
    await world.kustomization(appIn(ns, 'one'), { path: './one' })
    await untilApplied(world, appIn(ns, 'one'), revision)
    await world.kustomization(appIn(ns, 'two'), { path: './two' })
    await untilApplied(world, appIn(ns, 'two'), revision)
    await pause(500)
    expect(await valueOf(ns)).toBe('two')
    const next = await world.publish(ns, { ...files('one'), ...files('two'), 'README.md': 'x' })
    await untilApplied(world, appIn(ns, 'one'), next)
    await untilApplied(world, appIn(ns, 'two'), next)
    const warned = await untilEvent(ns, 'SharedObject')
    expect([warned.type, warned.message]).toEqual(['Warning', expect.stringMatching(new RegExp(`ConfigMap/${ns}/a .*Kustomization/${ns}/(one|two)`))])
    const owner = (await world.read(configMap({ namespace: ns, name: 'a' })))?.metadata.labels?.['kustomize.toolkit.fluxcd.io/name']
    const loser = owner === 'one' ? 'two' : 'one'
    await world.remove(kustomizationOf(appIn(ns, loser)))
    await until('gone', async () => ((await world.read(kustomizationOf(appIn(ns, loser)))) === undefined ? true : undefined))
    expect(await valueOf(ns)).toBe(owner)
  })
})

describe('a monorepo', () => {
  it('builds and applies only what a commit touches', async () => {
    const ns = await world.namespace()
    const names = [...Array(20).keys()].map((index) => `app${index}`)
    const files = (value: string) => Object.fromEntries(names.map((name) => [`${name}/a.yaml`, yaml(configMap({ namespace: ns, name }, { value: name === 'app7' ? value : 'same' }))]))
    const first = await world.publish(ns, files('1'))
    await Promise.all(names.map((name) => world.kustomization(appIn(ns, name), { path: `./${name}` })))
    await Promise.all(names.map((name) => untilApplied(world, appIn(ns, name), first)))
    await pause(300)
    const tail = await cluster.tailAudit()
    const second = await world.publish(ns, files('2'))
    await Promise.all(names.map((name) => untilApplied(world, appIn(ns, name), second)))
    await pause(300)
    const calls = (await tail.take()).filter(ofController).map(showCall).filter((call) => call.includes(ns))
    const status = calls.filter((call) => call.includes('kustomizations/status'))
    expect(calls.filter((call) => call.includes('configmaps'))).toEqual([`patch configmaps ${ns}/app7`])
    expect(status.length).toBeLessThanOrEqual(names.length + 1)
  })
})

describe('another process', () => {
  it.each<readonly [string, (artifact: Artifact) => Artifact | null]>([
    ['is made anew', () => null],
    ['is not served yet', (artifact) => ({ ...artifact, url: artifact.url.replace(/[^/]+$/, 'missing.tar.gz') })],
    ['is served by nobody yet', (artifact) => ({ ...artifact, url: artifact.url.replace(/:\d+/, ':1') })],
  ])('leaves what is ready so while its artifact %s, and corrects what drifted once it has it', async (_, lose) => {
    const ns = await install()
    const source = await world.read({ apiVersion: 'source.toolkit.fluxcd.io/v1', kind: 'GitRepository', metadata: { name: 'repo', namespace: ns } })
    const { artifact } = (source as unknown as { status: { artifact: Artifact } }).status
    await world.controller().stop()
    await setValue(ns, 'while nobody looked')
    await world.announce(ns, lose(artifact))
    const before = await untilKustomization(world, appIn(ns), () => true)
    await world.restart({ flags: ['--http-retry=0'] })
    await until('it looked for the artifact', async () => world.controller().logs.find((line) => line.includes(ns) && line.includes('"msg":"still ready"')))
    await world.announce(ns, artifact)
    await untilValue(ns, 'declared')
    const corrected = await untilKustomization(world, appIn(ns), ({ status }) => status?.history?.[0]?.totalReconciliations === 2)
    expect(corrected.status?.conditions).toEqual(before.status?.conditions)
    expect((await eventsIn(ns)).filter(({ type }) => type === 'Warning')).toEqual([])
  })

  it('verifies what was applied: no object changes, no status writes; and finds what drifted meanwhile', async () => {
    const steady = await install({ wait: true })
    const drifted = await install()
    const shared = await world.namespace()
    const both = (by: string) => ({ [`${by}/a.yaml`]: yaml(configMap({ namespace: shared, name: 'a' }, { value: by })) })
    const revision = await world.publish(shared, { ...both('one'), ...both('two') })
    for (const name of ['one', 'two']) {
      await world.kustomization(appIn(shared, name), { path: `./${name}` })
      await untilApplied(world, appIn(shared, name), revision)
    }
    const ofTwo = await world.read(configMap({ namespace: shared, name: 'a' }))
    const broken = await world.namespace()
    await world.publish(broken, { 'kustomization.yaml': 'resources: [missing.yaml]' })
    await world.kustomization(appIn(broken))
    await untilFailed(world, appIn(broken), 'BuildFailed')
    await world.controller().stop()
    await setValue(drifted, 'while nobody looked')
    const before = await world.read(configMap({ namespace: steady, name: 'a' }))
    const object = await untilKustomization(world, appIn(steady), () => true)
    const tail = await cluster.tailAudit()
    await world.restart()
    await untilValue(drifted, 'declared')
    await until('verified', async () => world.controller().logs.find((line) => line.includes(steady) && line.includes('"cause":"verification"')))
    await pause(300)
    const calls = (await tail.take()).filter(ofController).map(showCall).filter((call) => call.includes(steady))
    expect(calls.filter((call) => call.includes('status'))).toEqual([])
    expect(calls.toSorted()).toEqual([`patch configmaps ${steady}/a`, `patch services ${steady}/s`])
    expect((await world.read(configMap({ namespace: steady, name: 'a' })))?.metadata.resourceVersion).toBe(before?.metadata.resourceVersion)
    expect((await untilKustomization(world, appIn(steady), () => true)).metadata.resourceVersion).toBe(object.metadata.resourceVersion)
    await until('both verified', async () => (['one', 'two'].every((name) => world.controller().logs.some((line) => line.includes(shared) && line.includes(`"name":"${name}"`) && line.includes('"cause":"verification"'))) ? true : undefined))
    expect((await world.read(configMap({ namespace: shared, name: 'a' })))?.metadata.resourceVersion).toBe(ofTwo?.metadata.resourceVersion) // nobody takes an object for a restart
    await setValue(steady, 'after the restart')
    await untilValue(steady, 'declared')
  })
})
