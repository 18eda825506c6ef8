import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { setTimeout as pause } from 'node:timers/promises'
import type { ControlPlane } from '@weir/shared/control-plane'
import { serve, type HttpServer } from '@weir/shared/http'
import type { Kube, KubeObject } from '@weir/shared/kube'
import { quietTelemetry } from '@weir/shared/telemetry'
import { installChart, testControlPlane } from '@weir/shared/testing'
import { conditionIn, configMap, inventoryIn, messageOf, openWorld, until, untilApplied, untilFailed, untilKustomization, yaml } from '../testing-world.ts'
import type { World } from '../testing-world.ts'

let cluster: ControlPlane
let world: World
let sink: HttpServer

interface Posted {
  readonly involvedObject: { readonly kind: string; readonly namespace: string; readonly name: string }
  readonly severity: string
  readonly reason: string
  readonly message: string
  readonly metadata?: Readonly<Record<string, string>>
  readonly reportingController: string
}
const posted: Posted[] = []

beforeAll(async () => {
  sink = await serve({
    address: '127.0.0.1:0',
    telemetry: quietTelemetry(),
    async handler(_request, response, exchange) {
      posted.push(JSON.parse((await exchange.readBody()).toString()) as Posted)
      response.end()
    },
  })
  cluster = await testControlPlane({ fleet: 'api', fresh: true })
  await installChart(cluster, { controllers: ['kustomize-controller'] })
  world = await openWorld(cluster, { flags: [`--events-addr=${sink.url}`] })
})
afterAll(async () => {
  await world.stop()
  await sink.close()
  await cluster.stop()
})

const appIn = (namespace: string, name = 'app') => ({ namespace, name })
const postedOf = (namespace: string) => posted.filter(({ involvedObject }) => involvedObject.namespace === namespace)
const untilPosted = (namespace: string, reason: string, count = 1) => until(`${count} ${reason}`, async () => (postedOf(namespace).filter((each) => each.reason === reason).length >= count ? postedOf(namespace) : undefined))
const eventsIn = async (namespace: string) => {
  const { items } = await world.kube.list({ group: '', version: 'v1', kind: 'Event', plural: 'events', namespaced: true }, { namespace })
  return items as unknown as readonly { type: string; reason: string; message: string }[]
}

describe('what is wrong in the repository', () => {
  const ns = { apiVersion: 'v1', kind: 'ConfigMap' }
  type Case = { readonly files: (namespace: string) => Record<string, string>; readonly spec?: Record<string, unknown>; readonly reason: string; readonly says: RegExp }
  const cases: readonly (readonly [string, Case])[] = [
    ['a path that does not exist', { files: () => ({ 'a.yaml': '' }), spec: { path: './nowhere' }, reason: 'ArtifactFailed', says: /nowhere/ }],
    ['a path that leaves the artifact', { files: () => ({ 'a.yaml': '' }), spec: { path: '../../etc' }, reason: 'ArtifactFailed', says: /\.\.\/etc|etc/ }],
    ['an overlay of what is not there', { files: () => ({ 'kustomization.yaml': 'resources: [missing.yaml]' }), reason: 'BuildFailed', says: /missing\.yaml/ }],
    ['an overlay that is no YAML', { files: () => ({ 'kustomization.yaml': 'resources:\n  - a.yaml\n bad: [' }), reason: 'BuildFailed', says: /kustomization\.yaml: .*line 3/ }],
    ['a manifest that is no YAML', { files: () => ({ 'deep/a.yaml': 'kind: ConfigMap\n\tname: x' }), reason: 'BuildFailed', says: /deep\/a\.yaml/ }],
    ['an object without a name', { files: () => ({ 'deep/a.yaml': yaml({ ...ns, metadata: {} }) }), reason: 'BuildFailed', says: /name/ }],
    ['an object without a kind', { files: () => ({ 'deep/a.yaml': yaml({ apiVersion: 'v1', metadata: { name: 'a' } }) }), reason: 'BuildFailed', says: /kind/i }],
    ['a namespace that does not exist', { files: () => ({ 'a.yaml': yaml({ ...ns, metadata: { name: 'a', namespace: 'not-there' } }) }), reason: 'ReconciliationFailed', says: /ConfigMap\/not-there\/a .*not found/ }],
    ['a duplicate', { files: (at) => ({ 'a.yaml': yaml(configMap({ namespace: at, name: 'a' })), 'b.yaml': yaml(configMap({ namespace: at, name: 'a' })) }), reason: 'BuildFailed', says: /a/ }],
    ['a duplicate by version', { files: (at) => ({ 'a.yaml': yaml(...['apps/v1', 'apps/v1beta1'].map((apiVersion) => ({ apiVersion, kind: 'Deployment', metadata: { name: 'd', namespace: at } }))) }), reason: 'ReconciliationFailed', says: /Deployment/ }],
    ['a kind that is not served', { files: (at) => ({ 'a.yaml': yaml({ apiVersion: 'nowhere.example/v1', kind: 'Thing', metadata: { name: 'a', namespace: at } }) }), reason: 'ReconciliationFailed', says: /Thing/ }],
    ['a YAML bomb', { files: () => ({ 'a.yaml': bomb }), reason: 'BuildFailed', says: /a\.yaml: .*aliasing/ }],
    ['a variable that is not set', { files: (at) => ({ 'a.yaml': yaml(configMap({ namespace: at, name: 'a' }, { k: '${unset}' })) }), spec: { postBuild: { substituteStrategy: 'Always' } }, reason: 'BuildFailed', says: /variable not set \(strict mode\): "unset"/ }],
    ['a template that does not parse', { files: (at) => ({ 'a.yaml': yaml(configMap({ namespace: at, name: 'a' }, { k: '${a' })) }), spec: { postBuild: { substitute: { a: 'b' } } }, reason: 'BuildFailed', says: /ConfigMap/ }],
    ['a name that is no variable', { files: () => ({ 'a.yaml': '' }), spec: { postBuild: { substitute: { 'a-b': 'c' } } }, reason: 'BuildFailed', says: /a-b/ }],
    ['an encrypted Secret', { files: (at) => ({ 'a.yaml': yaml({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 's', namespace: at }, sops: { mac: 'x' } }) }), reason: 'ReconciliationFailed', says: /Secret\/.*\/s is SOPS encrypted, configuring decryption is required/ }],
  ]
  it.each(cases)('%s is told, and nothing was applied', async (_, { files, spec, reason, says }) => {
    const namespace = await world.namespace()
    const revision = await world.publish(namespace, files(namespace))
    await world.kustomization(appIn(namespace), spec)
    const failed = await untilFailed(world, appIn(namespace), reason)
    expect(messageOf(failed)).toMatch(says)
    expect(messageOf(failed)).not.toMatch(/\/tmp\/|weir-kustomize/)
    expect([failed.status?.lastAppliedRevision, inventoryIn(failed)]).toEqual([undefined, []])
    expect(failed.status?.lastAttemptedRevision).toBe(reason === 'ArtifactFailed' ? undefined : revision)
    expect(conditionIn(failed, 'Reconciling')).toMatchObject({ status: 'True', reason: 'ProgressingWithRetry' })
    const [warning] = await untilPosted(namespace, reason)
    expect(warning).toMatchObject({ severity: 'error', message: messageOf(failed) })
    const good = await world.publish(namespace, { 'a.yaml': yaml(configMap({ namespace, name: 'a' })) })
    await world.kustomization(appIn(namespace))
    await untilApplied(world, appIn(namespace), good)
  })
})

describe('events', () => {
  it('are posted for a new revision and its changes, and once kept in the cluster; a steady one tells nothing', async () => {
    const ns = await world.namespace()
    const origin = 'main@sha1:0123456789012345678901234567890123456789'
    const first = await world.publish(ns, { 'a.yaml': yaml(configMap({ namespace: ns, name: 'a' }), configMap({ namespace: ns, name: 'b' })) }, { metadata: { 'org.opencontainers.image.revision': origin } })
    await world.kustomization(appIn(ns), {}, { annotations: { 'event.toolkit.fluxcd.io/team': 'shop' } })
    const applied = await untilApplied(world, appIn(ns), first)
    expect(applied.status?.lastAppliedOriginRevision).toBe(origin)
    const told = await untilPosted(ns, 'ReconciliationSucceeded')
    const metadata = { 'kustomize.toolkit.fluxcd.io/revision': first, 'kustomize.toolkit.fluxcd.io/originRevision': origin, 'event.toolkit.fluxcd.io/team': 'shop' }
    expect(told).toEqual([
      expect.objectContaining({ severity: 'info', reason: 'Progressing', message: `ConfigMap/${ns}/a created\nConfigMap/${ns}/b created`, metadata, reportingController: 'kustomize-controller' }),
      expect.objectContaining({ severity: 'info', reason: 'ReconciliationSucceeded', message: expect.stringMatching(/^Reconciliation finished in .*, next run in .*$/), metadata: { ...metadata, 'kustomize.toolkit.fluxcd.io/commit_status': 'update' } }),
    ])
    const second = await world.publish(ns, { 'a.yaml': yaml(configMap({ namespace: ns, name: 'a' }), configMap({ namespace: ns, name: 'b' })), 'README.md': 'changed' })
    await untilApplied(world, appIn(ns), second)
    const again = await untilPosted(ns, 'ReconciliationSucceeded', 2)
    expect(again.slice(2)).toEqual([expect.objectContaining({ reason: 'ReconciliationSucceeded', metadata: expect.objectContaining({ 'kustomize.toolkit.fluxcd.io/commit_status': 'update' }) })])
    expect((await untilKustomization(world, appIn(ns), () => true)).status?.lastAppliedOriginRevision).toBeUndefined()
    const third = await world.publish(ns, { 'a.yaml': yaml(configMap({ namespace: ns, name: 'a' })) })
    await untilApplied(world, appIn(ns), third)
    const pruned = await untilPosted(ns, 'ReconciliationSucceeded', 3)
    expect(pruned.slice(3)[0]).toMatchObject({ reason: 'Progressing', message: `ConfigMap/${ns}/b deleted` })
    const kept = await until('core events', async () => ((await eventsIn(ns)).length >= 2 ? eventsIn(ns) : undefined))
    expect(kept.map(({ type, reason }) => [type, reason])).toEqual([['Normal', 'ReconciliationSucceeded'], ['Normal', 'ReconciliationSucceeded']])
  })

  it('of a recovery are told though nothing changed', async () => {
    const ns = await world.namespace()
    const first = await world.publish(ns, { 'a.yaml': yaml(configMap({ namespace: ns, name: 'a' })) })
    await world.kustomization(appIn(ns))
    await untilApplied(world, appIn(ns), first)
    await world.publish(ns, { 'kustomization.yaml': 'resources: [missing.yaml]' })
    await untilFailed(world, appIn(ns), 'BuildFailed')
    const third = await world.publish(ns, { 'a.yaml': yaml(configMap({ namespace: ns, name: 'a' })) })
    await untilApplied(world, appIn(ns), third)
    await until('told', async () => ((await eventsIn(ns)).map(({ type }) => type).toSorted().join() === 'Normal,Normal,Warning' ? true : undefined))
  })
})

describe('a leader that is stopped', () => {
  /** Events wait until they are let, as where many are written at once. */
  const holdEvents = (free: Kube, opened: Promise<void>): Kube => ({
    ...free,
    as: (view) => holdEvents(free.as(view), opened),
    async create(resource, object, options) {
      if (resource.kind === 'Event') await opened
      return free.create(resource, object, options)
    },
  })

  it('writes the events that still wait before it gives its lease back', async () => {
    const ns = await world.namespace()
    const gate = Promise.withResolvers<void>()
    const election = { namespace: ns, name: 'kustomize-controller-leader-election', identity: 'me', release: true }
    await world.restart({ election, through: (kube) => holdEvents(kube, gate.promise) })
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'] // more than are written at once
    for (const name of names) await world.kustomization(appIn(ns, name), { serviceAccountName: 'not-built' })
    for (const name of names) await untilFailed(world, appIn(ns, name), 'NotSupported')

    const restarted = world.restart()
    await pause(300) // time enough to give a lease back
    gate.resolve()
    await restarted
    expect((await eventsIn(ns)).map(({ reason }) => reason)).toEqual(names.map(() => 'NotSupported'))
    const leases = { group: 'coordination.k8s.io', version: 'v1', kind: 'Lease', plural: 'leases', namespaced: true }
    expect((await world.kube.get({ resource: leases, namespace: ns, name: election.name }))?.['spec']).toMatchObject({ holderIdentity: '' })
  })
})

describe('history', () => {
  it('keeps the last five contents, the newest first, and counts a content that comes back', async () => {
    const ns = await world.namespace()
    const publish = (value: string) => world.publish(ns, { 'a.yaml': yaml(configMap({ namespace: ns, name: 'a' }, { value })) })
    const revisions = [await publish('0')]
    await world.kustomization(appIn(ns))
    await untilApplied(world, appIn(ns), revisions[0] ?? '')
    for (const value of ['1', '2', '3', '4', '5', '3']) {
      revisions.push(await publish(value))
      await untilApplied(world, appIn(ns), revisions.at(-1) ?? '')
    }
    const { history = [] } = (await untilKustomization(world, appIn(ns), () => true)).status ?? {}
    expect(history.map(({ metadata, totalReconciliations }) => [revisions.indexOf(metadata?.['revision'] ?? ''), totalReconciliations])).toEqual([[6, 2], [5, 1], [4, 1], [2, 1], [1, 1]])
    expect(new Set(history.map(({ digest }) => digest)).size).toBe(5)
  })
})

describe('secrets', () => {
  const canary = 'canary-7f3a9c'
  const secret = (namespace: string, stringData: Record<string, string>): KubeObject => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'vars', namespace }, stringData })

  it('appear in no status, event, log or message, whatever fails', async () => {
    const ns = await world.namespace()
    await world.apply(secret(ns, { token: canary, short: 'a' }))
    const spec = { postBuild: { substituteFrom: [{ kind: 'Secret', name: 'vars' }] }, retryInterval: '1s' }
    const revisions: string[] = []
    const publish = async (...objects: readonly object[]) => void revisions.push(await world.publish(ns, { 'a.yaml': yaml(...objects) }))
    await publish({ apiVersion: 'v1', kind: 'Service', metadata: { name: 's', namespace: ns }, spec: { ports: [{ port: '${token}' }] } })
    await world.kustomization(appIn(ns), spec)
    const failed = await untilFailed(world, appIn(ns), 'ReconciliationFailed')
    expect(messageOf(failed)).toMatch(/a dry-run failed|dry-run failed/) // a value of one letter tears no sentence
    expect(messageOf(failed)).toContain(`Service/${ns}/s`)
    await publish(configMap({ namespace: ns, name: 'a' }, { k: '${token}\n}: [' }), { apiVersion: 'v1', kind: '${token}', metadata: { name: 'a', namespace: ns } })
    await untilKustomization(world, appIn(ns), ({ status }) => status?.lastAttemptedRevision === revisions[1] && conditionIn({ status }, 'Ready')?.status === 'False')
    await publish({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'out', namespace: ns }, data: { k: '${token}' } })
    await untilKustomization(world, appIn(ns), ({ status }) => status?.lastAttemptedRevision === revisions[2] && conditionIn({ status }, 'Ready')?.status === 'False')
    await publish({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'out', namespace: ns }, stringData: { k: '${token}' } })
    const applied = await untilApplied(world, appIn(ns), revisions[3] ?? '')
    await world.edit({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'out', namespace: ns } }, { stringData: { k: 'by hand' } })
    await until('corrected', async () => (await eventsIn(ns)).find(({ reason }) => reason === 'DriftCorrected'))
    await pause(200)
    const everything = JSON.stringify([applied, failed, postedOf(ns), await eventsIn(ns), world.controller().told, world.controller().logs])
    expect([...everything.matchAll(new RegExp(`.{100}${canary}.{20}`, 'gs'))].map(String)).toEqual([])
    expect(everything).not.toContain(Buffer.from(canary).toString('base64'))
  })

  it('are told from what is none: a value of a ConfigMap may be named', async () => {
    const ns = await world.namespace()
    await world.apply(configMap({ namespace: ns, name: 'vars' }, { env: 'production' }))
    await world.publish(ns, { 'a.yaml': yaml({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'production', namespace: ns }, spec: { ports: [{ port: 99_999 }], type: '${env}' } }) })
    await world.kustomization(appIn(ns), { postBuild: { substituteFrom: [{ kind: 'ConfigMap', name: 'vars' }] } })
    expect(messageOf(await untilFailed(world, appIn(ns), 'ReconciliationFailed'))).toContain(`Service/${ns}/production`)
  })
})

/** Nine levels of nine aliases. */
const bomb = ['a: &l0 ["x","x","x","x","x","x","x","x","x"]', ...[...Array(8).keys()].map((level) => `b${level}: &l${level + 1} [${Array(9).fill(`*l${level}`).join(',')}]`), 'apiVersion: v1', 'kind: ConfigMap', 'metadata: {name: bomb}'].join('\n')
