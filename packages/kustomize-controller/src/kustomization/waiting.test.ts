import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { setTimeout as pause } from 'node:timers/promises'
import { annotations } from '@weir/shared/api'
import type { ControlPlane } from '@weir/shared/control-plane'
import type { KubeObject } from '@weir/shared/kube'
import { installChart, testControlPlane } from '@weir/shared/testing'
import { conditionIn, configMap, inventoryIn, kustomizationOf, messageOf, openWorld, until, untilApplied, untilFailed, untilKustomization, yaml } from '../testing-world.ts'
import type { World } from '../testing-world.ts'

let cluster: ControlPlane
let world: World
let slow: string
type Happening = { happens: () => Promise<unknown> }
/** What happens between the end of a wait for health and its run's next step. */
const afterWait: Happening = { happens: async () => undefined }
/** What happens before a run builds. */
const beforeBuild: Happening = { happens: async () => undefined }

beforeAll(async () => {
  cluster = await testControlPlane({ fleet: 'full', fresh: true })
  await installChart(cluster, { controllers: ['kustomize-controller'] })
  world = await openWorld(cluster, {
    flags: ['--requeue-dependency=1h'],
    async onStep(name, phase) {
      if (name === 'wait for health' && phase === 'end') await afterWait.happens()
      if (name === 'build' && phase === 'begin') await beforeBuild.happens()
    },
  })
  // Waits for its shortest timeout, 30 s, while the other tests run.
  slow = await world.namespace()
  await world.publish(slow, { 'a.yaml': yaml(stuck(slow, 'd'), configMap({ namespace: slow, name: 'a' })) })
  await world.kustomization(appIn(slow), { wait: true, timeout: '1s', retryInterval: '1h' })
})
afterAll(async () => {
  await world.stop()
  await cluster.stop()
})

const appIn = (namespace: string, name = 'app') => ({ namespace, name })

function deployment(namespace: string, name: string, { image = 'x:1', node = 'none' }: { image?: string; node?: string | undefined } = {}): KubeObject {
  const labels = { app: name }
  const nodeSelector = node === 'none' ? {} : { nodeSelector: { where: node } }
  const template = { metadata: { labels }, spec: { containers: [{ name: 'app', image }], ...nodeSelector } }
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace }, spec: { replicas: 1, progressDeadlineSeconds: 600, selector: { matchLabels: labels }, template } }
}

async function nodeOf(): Promise<KubeObject> {
  const { items } = await world.kube.list({ group: '', version: 'v1', kind: 'Node', plural: 'nodes', namespaced: false })
  const [node] = items
  if (node === undefined) throw new Error('no node')
  return { ...node, apiVersion: 'v1', kind: 'Node' }
}

/** No node takes it: it never becomes current. */
const stuck = (namespace: string, name: string) => deployment(namespace, name, { node: 'nowhere' })
const messageIn = (found: Parameters<typeof conditionIn>[0], type: string): string | undefined => conditionIn(found, type)?.message
const waiting = (namespace: string, name = 'app') => untilKustomization(world, appIn(namespace, name), (found) => conditionIn(found, 'Healthy')?.status === 'Unknown')

/** `custom` becomes current when somebody says so. */
const custom = (namespace: string, name: string): KubeObject => ({ apiVersion: 'source.toolkit.fluxcd.io/v1', kind: 'GitRepository', metadata: { name, namespace }, spec: { url: 'http://127.0.0.1/x', interval: '1h', suspend: true } })
const say = (object: KubeObject, status: 'True' | 'False', stalled = false) => {
  const at = { lastTransitionTime: '2026-01-01T00:00:00Z', reason: 'Said', message: 'so' }
  const conditions = [{ type: 'Ready', status, ...at }, ...(stalled ? [{ type: 'Stalled', status: 'True', ...at }] : [])]
  return world.edit(object, { status: { observedGeneration: 1, conditions } }, { status: true })
}

describe('wait', () => {
  it('is ready only once every object is current, and says that it was healthy', async () => {
    const ns = await world.namespace()
    const revision = await world.publish(ns, { 'a.yaml': yaml(deployment(ns, 'd'), custom(ns, 'c')) })
    await world.kustomization(appIn(ns), { wait: true, timeout: '1m' })
    const running = await waiting(ns)
    expect(conditionIn(running, 'Ready')).toMatchObject({ status: 'Unknown', reason: 'Progressing' })
    expect(conditionIn(running, 'Healthy')).toMatchObject({ reason: 'Progressing', message: `Running health checks for revision ${revision} with a timeout of 1m0s` })
    expect(running.status?.lastAppliedRevision).toBeUndefined()
    await until('rolled out', async () => (((await world.read(deployment(ns, 'd')))?.['status'] as { availableReplicas?: number } | undefined)?.availableReplicas === 1 ? true : undefined))
    await say(custom(ns, 'c'), 'True')
    const done = await untilApplied(world, appIn(ns), revision)
    expect(conditionIn(done, 'Healthy')).toMatchObject({ status: 'True', reason: 'Succeeded', message: 'Health check passed' })
    const second = await world.publish(ns, { 'a.yaml': yaml(deployment(ns, 'd', { image: 'x:2' }), custom(ns, 'c')) })
    await untilApplied(world, appIn(ns), second)
    const live = (await world.read(deployment(ns, 'd'))) as unknown as { metadata: { generation: number }; status: { observedGeneration: number; updatedReplicas: number } }
    expect([live.status.observedGeneration, live.status.updatedReplicas]).toEqual([live.metadata.generation, 1])
  })

  it('is what the status says of it, though the build before it lasted long enough to be told, and so did a correction within it', async () => {
    const ns = await world.namespace()
    const drifting = configMap({ namespace: ns, name: 'a' }, { key: 'declared' })
    const revision = await world.publish(ns, { 'a.yaml': yaml(custom(ns, 'c'), drifting) })
    const during = (phase: string): Promise<unknown> => untilKustomization(world, appIn(ns), (found) => messageIn(found, 'Reconciling')?.startsWith(phase) === true)
    beforeBuild.happens = () => during('Building manifests')
    try {
      await world.kustomization(appIn(ns), { wait: true, timeout: '2m' })
      const running = await waiting(ns)
      expect(messageIn(running, 'Reconciling')).toBe(`Running health checks for revision ${revision} with a timeout of 2m0s`)
      await world.edit(drifting, { data: { key: 'edited' } })
      await until('corrected', async () => ((await world.read(drifting))?.['data'] as { key?: string } | undefined)?.key === 'declared' || undefined)
    } finally {
      beforeBuild.happens = async () => undefined
    }
    await during('Running health checks')
    await say(custom(ns, 'c'), 'True')
    await untilApplied(world, appIn(ns), revision)
  })

  it('ends early when an object has failed, and is woken when it recovers', async () => {
    const ns = await world.namespace()
    const revision = await world.publish(ns, { 'a.yaml': yaml(custom(ns, 'c')) })
    await world.kustomization(appIn(ns), { wait: true, timeout: '2m' })
    await until('applied', async () => world.read(custom(ns, 'c')))
    await say(custom(ns, 'c'), 'False', true)
    const failed = await untilFailed(world, appIn(ns), 'HealthCheckFailed')
    const why = `failed early due to stalled resources: [GitRepository/${ns}/c status: 'Failed']`
    expect(messageOf(failed)).toBe(`health check failed after 2m0s: ${why}`)
    expect(conditionIn(failed, 'Healthy')).toMatchObject({ status: 'False', reason: 'HealthCheckFailed', message: why })
    expect(failed.status?.history).toMatchObject([{ lastReconciledStatus: 'HealthCheckFailed' }])
    expect([failed.status?.lastAppliedRevision, inventoryIn(failed)]).toEqual([undefined, [`${ns}_c_source.toolkit.fluxcd.io_GitRepository`]])
    await say(custom(ns, 'c'), 'True')
    await untilApplied(world, appIn(ns), revision) // retryInterval is an hour
  })

  it('is woken, too, by what recovers before the failure could be told', async () => {
    const ns = await world.namespace()
    const revision = await world.publish(ns, { 'a.yaml': yaml(custom(ns, 'c')) })
    await world.kustomization(appIn(ns), { wait: true, timeout: '2m' })
    await until('applied', async () => world.read(custom(ns, 'c')))
    // As long as all workers are busy, a run whose wait has ended cannot go on.
    afterWait.happens = async () => {
      await say(custom(ns, 'c'), 'True')
      await pause(300)
    }
    try {
      await say(custom(ns, 'c'), 'False', true)
      await untilApplied(world, appIn(ns), revision) // retryInterval is an hour
    } finally {
      afterWait.happens = async () => undefined
    }
  })

  it.each(['a newer revision', 'a changed spec', 'a changed variable', 'a token', 'a deletion', 'suspend'] as const)('is ended at once by %s', async (by) => {
    const ns = await world.namespace()
    const where = by === 'a changed variable' ? '${where}' : 'nowhere'
    await world.apply(configMap({ namespace: ns, name: 'vars' }, { where: 'nowhere' }))
    const stuckAt = await world.publish(ns, { 'a.yaml': yaml(deployment(ns, 'd', { node: where })) })
    const postBuild = { substituteFrom: [{ kind: 'ConfigMap', name: 'vars' }] }
    await world.kustomization(appIn(ns), { wait: true, timeout: '10m', postBuild })
    await waiting(ns)
    const healthy = { 'a.yaml': yaml(configMap({ namespace: ns, name: 'a' })) }
    switch (by) {
      case 'a newer revision':
        await untilApplied(world, appIn(ns), await world.publish(ns, healthy))
        break
      case 'a changed spec': {
        const changed = await world.kustomization(appIn(ns), { wait: false })
        const done = await untilKustomization(world, appIn(ns), ({ status }) => status?.observedGeneration === changed.metadata.generation)
        expect([conditionIn(done, 'Ready')?.status, conditionIn(done, 'Healthy')]).toEqual(['True', undefined])
        break
      }
      case 'a changed variable':
        await world.edit(await nodeOf(), { metadata: { labels: { where: 'here' } } })
        await world.edit(configMap({ namespace: ns, name: 'vars' }), { data: { where: 'here' } })
        await untilApplied(world, appIn(ns), stuckAt)
        break
      case 'a token':
        await world.edit(kustomizationOf(appIn(ns)), { metadata: { annotations: { [annotations.requestedAt]: 'now' } } })
        await until('runs again', async () => (world.controller().logs.filter((line) => line.includes('run ended early') && line.includes(ns)).length > 0 ? true : undefined))
        break
      case 'a deletion':
        await world.remove(kustomizationOf(appIn(ns)))
        await until('gone', async () => ((await world.read(kustomizationOf(appIn(ns)))) === undefined ? true : undefined))
        expect(await world.read(deployment(ns, 'd'))).toBeUndefined()
        break
      case 'suspend':
        await world.kustomization(appIn(ns), { wait: true, timeout: '10m', postBuild, suspend: true })
        await until('ended', async () => (world.controller().logs.some((line) => line.includes('run ended early') && line.includes(ns)) ? true : undefined))
        await world.kustomization(appIn(ns), { wait: false })
        await untilKustomization(world, appIn(ns), (found) => conditionIn(found, 'Ready')?.status === 'True')
        break
    }
    // The next wait of a token's run would hold up the end of this file.
    if (by === 'a token') await world.kustomization(appIn(ns), { wait: false })
  })

  it('corrects drift without waiting for its own end', async () => {
    const ns = await world.namespace()
    const revision = await world.publish(ns, { 'a.yaml': yaml(deployment(ns, 'd'), custom(ns, 'c')) })
    await world.kustomization(appIn(ns), { wait: true, timeout: '10m' })
    await until('applied', async () => world.read(custom(ns, 'c')))
    await world.remove(deployment(ns, 'd'))
    await until('made again', async () => ((await world.read(deployment(ns, 'd')))?.metadata.deletionTimestamp === undefined ? world.read(deployment(ns, 'd')) : undefined))
    await world.edit(deployment(ns, 'd'), { spec: { replicas: 3 } })
    await until('scaled back', async () => (((await world.read(deployment(ns, 'd')))?.['spec'] as { replicas?: number } | undefined)?.replicas === 1 ? true : undefined))
    await say(custom(ns, 'c'), 'True')
    await untilApplied(world, appIn(ns), revision)
  })

  it('corrects what has to be recreated, and brings nothing back that the run has pruned', async () => {
    const ns = await world.namespace()
    const a = configMap({ namespace: ns, name: 'a' }, { value: 'declared' })
    const first = await world.publish(ns, { 'a.yaml': yaml(configMap({ namespace: ns, name: 'old' })) })
    await world.kustomization(appIn(ns), { wait: true, force: true, timeout: '10m' })
    await untilApplied(world, appIn(ns), first)
    const second = await world.publish(ns, { 'a.yaml': yaml(a, custom(ns, 'c')) })
    await until('pruned', async () => ((await world.read(configMap({ namespace: ns, name: 'old' }))) === undefined ? true : undefined))
    await waiting(ns)
    await world.edit(a, { data: { value: 'by hand' }, immutable: true })
    await until('recreated', async () => {
      const found = await world.read(a)
      return (found?.['data'] as { value?: string } | undefined)?.value === 'declared' && found?.['immutable'] === undefined ? true : undefined
    })
    await say(custom(ns, 'c'), 'True')
    expect(inventoryIn(await untilApplied(world, appIn(ns), second))).toEqual([`${ns}_a__ConfigMap`, `${ns}_c_source.toolkit.fluxcd.io_GitRepository`])
  })

  it('never waits for itself', async () => {
    const ns = await world.namespace()
    const self = kustomizationOf(appIn(ns), { wait: true, timeout: '10m' })
    const revision = await world.publish(ns, { 'a.yaml': yaml(self, configMap({ namespace: ns, name: 'a' })) })
    await world.kustomization(appIn(ns), { wait: true, timeout: '10m' })
    await untilApplied(world, appIn(ns), revision)
  })
})

describe('healthChecks', () => {
  it('wait for the listed objects alone, own or not, with and without a namespace', async () => {
    const ns = await world.namespace()
    const other = await world.namespace()
    const revision = await world.publish(ns, { 'a.yaml': yaml(stuck(ns, 'unlisted'), deployment(ns, 'd'), { apiVersion: 'v1', kind: 'Namespace', metadata: { name: `${ns}-made` } }) })
    const checks = [
      { kind: 'Deployment', name: 'd' },
      { apiVersion: 'v1', kind: 'Namespace', name: `${ns}-made` },
      { apiVersion: 'source.toolkit.fluxcd.io/v1', kind: 'GitRepository', name: 'foreign', namespace: other },
    ]
    await world.kustomization(appIn(ns), { timeout: '10m', healthChecks: checks })
    await waiting(ns)
    await world.apply(custom(other, 'foreign'))
    await say(custom(other, 'foreign'), 'True')
    const done = await untilApplied(world, appIn(ns), revision)
    expect(conditionIn(done, 'Healthy')?.status).toBe('True')
  })
})

describe('a fleet of waits', () => {
  it('holds no worker: dependants of many waits go on', async () => {
    const ns = await world.namespace()
    const names = [...Array(12).keys()].map((index) => `w${index}`)
    const files = Object.fromEntries(names.map((name) => [`${name}/a.yaml`, yaml(custom(ns, name))]))
    const revision = await world.publish(ns, { ...files, 'free/a.yaml': yaml(configMap({ namespace: ns, name: 'free' })) })
    await Promise.all(names.map((name) => world.kustomization(appIn(ns, name), { path: `./${name}`, wait: true, timeout: '10m' })))
    await Promise.all(names.map((name) => waiting(ns, name)))
    await world.kustomization(appIn(ns, 'free'), { path: './free' })
    await untilApplied(world, appIn(ns, 'free'), revision)
    await Promise.all(names.map((name) => say(custom(ns, name), 'True')))
    await Promise.all(names.map((name) => untilApplied(world, appIn(ns, name), revision)))
  })
})

describe('a timeout', () => {
  it('fails the run, names what is missing, and is retried after retryInterval', async () => {
    const failed = await untilKustomization(world, appIn(slow), (found) => conditionIn(found, 'Ready')?.reason === 'HealthCheckFailed', 45_000)
    expect(messageOf(failed)).toBe(`health check failed after 30s: timeout waiting for: [Deployment/${slow}/d status: 'InProgress']`)
    expect(conditionIn(failed, 'Reconciling')).toMatchObject({ reason: 'ProgressingWithRetry' })
  })
})
