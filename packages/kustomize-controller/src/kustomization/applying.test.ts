import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { setTimeout as pause } from 'node:timers/promises'
import { annotations, kustomizationKind } from '@weir/shared/api'
import type { ControlPlane } from '@weir/shared/control-plane'
import { installChart, testControlPlane } from '@weir/shared/testing'
import { conditionIn, configMap, inventoryIn, kustomizationOf, messageOf, ofController, openWorld, showCall, until, untilApplied, untilFailed, untilKustomization, yaml } from '../testing-world.ts'
import type { World } from '../testing-world.ts'

let cluster: ControlPlane
let world: World

beforeAll(async () => {
  cluster = await testControlPlane({ fleet: 'api', fresh: true })
  await installChart(cluster, { controllers: ['kustomize-controller'] })
  world = await openWorld(cluster, { flags: ['--requeue-dependency=2s'] })
})
afterAll(async () => {
  await world.stop()
  await cluster.stop()
})

const deployment = (namespace: string, name: string, image = 'registry.example/app:1') => {
  const labels = { app: name }
  const template = { metadata: { labels }, spec: { containers: [{ name: 'app', image }] } }
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace }, spec: { replicas: 1, selector: { matchLabels: labels }, template } }
}
const appIn = (namespace: string) => ({ namespace, name: 'app' })
const exists = async (namespace: string, name: string) => (await world.read(configMap({ namespace, name }))) !== undefined
const gone = (namespace: string, name = 'app') =>
  until(`${namespace}/${name} gone`, async () => ((await world.kube.get({ resource: kustomizationKind, namespace, name })) === undefined ? true : undefined))
const statusWrites = (calls: readonly string[]) => calls.filter((call) => call.includes('kustomizations/status'))

describe('an install and an upgrade', () => {
  it('apply, prune, say so, and cost at most 14 calls and 3 status writes each', async () => {
    const ns = await world.namespace()
    const objects = (value: string) => [configMap({ namespace: ns, name: 'a' }, { value }), deployment(ns, 'd', `x:${value}`), { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'sa', namespace: ns } }]
    const first = await world.publish(ns, { 'app/a.yaml': yaml(...objects('one'), configMap({ namespace: ns, name: 'old' })) })
    const tail = await cluster.tailAudit()
    await world.kustomization(appIn(ns), { path: './app' })
    const installed = await untilApplied(world, appIn(ns), first)
    expect(installed.status).toMatchObject({ lastAttemptedRevision: first, lastAppliedRevision: first, observedGeneration: 1, history: [{ lastReconciledStatus: 'ReconciliationSucceeded', totalReconciliations: 1, metadata: { revision: first } }] })
    expect(conditionIn(installed, 'Ready')).toMatchObject({ status: 'True', reason: 'ReconciliationSucceeded', message: `Applied revision: ${first}`, observedGeneration: 1 })
    expect(installed.status?.conditions?.map(({ type }) => type)).toEqual(['Ready'])
    expect(installed.metadata.finalizers).toEqual(['finalizers.fluxcd.io'])
    expect(inventoryIn(installed)).toEqual([`${ns}_a__ConfigMap`, `${ns}_d_apps_Deployment`, `${ns}_old__ConfigMap`, `${ns}_sa__ServiceAccount`])
    await pause(300) // the audit log is a moment behind, and so are events
    const install = (await tail.take()).filter(ofController).map(showCall)
    expect(install.length).toBeLessThanOrEqual(14)
    expect(statusWrites(install).length).toBeLessThanOrEqual(3)
    const intent = install.findIndex((call) => call.includes('kustomizations/status'))
    const firstWrite = install.findIndex((call) => call === `patch configmaps ${ns}/a` || call === `patch serviceaccounts ${ns}/sa`)
    expect([intent >= 0, intent < firstWrite]).toEqual([true, true])

    const second = await world.publish(ns, { 'app/a.yaml': yaml(...objects('two')) })
    const upgraded = await untilApplied(world, appIn(ns), second)
    expect(inventoryIn(upgraded)).toEqual([`${ns}_a__ConfigMap`, `${ns}_d_apps_Deployment`, `${ns}_sa__ServiceAccount`])
    expect(await exists(ns, 'old')).toBe(false)
    expect(upgraded.status?.history?.map(({ metadata }) => metadata?.['revision'])).toEqual([second, first])
    await pause(300)
    const upgrade = (await tail.take()).filter(ofController).map(showCall)
    expect(upgrade.length).toBeLessThanOrEqual(14)
    expect(statusWrites(upgrade).length).toBeLessThanOrEqual(3)
    expect(world.controller().told.filter(({ subject }) => subject.namespace === ns).map(({ type, facts }) => [type, facts.revision])).toEqual([
      ['applied', first],
      ['converged', first],
      ['applied', second],
      ['converged', second],
    ])
  })

  it('track what was created when the apply fails in the middle, and prune it once it is not declared any more', async () => {
    const ns = await world.namespace()
    const first = await world.publish(ns, { 'a.yaml': yaml({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: `${ns}-made` } }, { apiVersion: 'v1', kind: 'Service', metadata: { name: 'bad', namespace: ns }, spec: { ports: [{ port: 99_999 }] } }) })
    await world.kustomization(appIn(ns))
    const failed = await untilFailed(world, appIn(ns), 'ReconciliationFailed')
    expect(messageOf(failed)).toMatch(/^Service\/.*\/bad dry-run failed \(Invalid\): /)
    expect(failed.status?.lastAttemptedRevision).toBe(first)
    expect(failed.status?.lastAppliedRevision).toBeUndefined()
    expect(inventoryIn(failed)).toContain(`_${ns}-made__Namespace`)
    expect(failed.status?.history).toMatchObject([{ lastReconciledStatus: 'ReconciliationFailed' }])
    expect(conditionIn(failed, 'Reconciling')).toMatchObject({ status: 'True', reason: 'ProgressingWithRetry' })
    const second = await world.publish(ns, { 'a.yaml': yaml(configMap({ namespace: ns, name: 'a' })) })
    const applied = await untilApplied(world, appIn(ns), second)
    expect(inventoryIn(applied)).toEqual([`${ns}_a__ConfigMap`])
  })

  it('leave stale objects alone without prune, and forget them', async () => {
    const ns = await world.namespace()
    const first = await world.publish(ns, { 'a.yaml': yaml(configMap({ namespace: ns, name: 'a' }), configMap({ namespace: ns, name: 'b' })) })
    await world.kustomization(appIn(ns), { prune: false })
    await untilApplied(world, appIn(ns), first)
    const second = await world.publish(ns, { 'a.yaml': yaml(configMap({ namespace: ns, name: 'a' })) })
    expect(inventoryIn(await untilApplied(world, appIn(ns), second))).toEqual([`${ns}_a__ConfigMap`])
    expect(await exists(ns, 'b')).toBe(true)
  })

  it('follow a changed path and a changed source', async () => {
    const ns = await world.namespace()
    const first = await world.publish(ns, { 'x/a.yaml': yaml(configMap({ namespace: ns, name: 'x' })), 'y/a.yaml': yaml(configMap({ namespace: ns, name: 'y' })) })
    const other = await world.publish(ns, { 'y/a.yaml': yaml(configMap({ namespace: ns, name: 'z' })) }, { name: 'other' })
    await world.kustomization(appIn(ns), { path: './x' })
    await untilApplied(world, appIn(ns), first)
    await world.kustomization(appIn(ns), { path: './y' })
    expect(inventoryIn(await untilApplied(world, appIn(ns), first))).toEqual([`${ns}_y__ConfigMap`])
    await world.kustomization(appIn(ns), { path: './y', sourceRef: { kind: 'GitRepository', name: 'other' } })
    expect(inventoryIn(await untilApplied(world, appIn(ns), other))).toEqual([`${ns}_z__ConfigMap`])
    const tail = await cluster.tailAudit()
    await world.publish(ns, { 'y/a.yaml': yaml(configMap({ namespace: ns, name: 'y' })) })
    await pause(300)
    const calls = (await tail.take()).filter(ofController).map(showCall)
    expect(calls.filter((call) => !call.startsWith('create events'))).toEqual([]) // the old source wakes nobody; the event of the last run may be late
    const again = await world.publish(ns, { 'y/a.yaml': yaml(configMap({ namespace: ns, name: 'w' })) }, { name: 'other' })
    expect(inventoryIn(await untilApplied(world, appIn(ns), again))).toEqual([`${ns}_w__ConfigMap`])
  })

  it('recreate what cannot be updated only with force', async () => {
    const ns = await world.namespace()
    const immutable = (value: string) => yaml({ ...configMap({ namespace: ns, name: 'a' }, { value }), immutable: true })
    const first = await world.publish(ns, { 'a.yaml': immutable('1') })
    await world.kustomization(appIn(ns))
    await untilApplied(world, appIn(ns), first)
    const second = await world.publish(ns, { 'a.yaml': immutable('2') })
    expect(messageOf(await untilFailed(world, appIn(ns), 'ReconciliationFailed'))).toMatch(/^ConfigMap\/.*\/a .*immutable/)
    await world.kustomization(appIn(ns), { force: true })
    await untilApplied(world, appIn(ns), second)
    expect((await world.read(configMap({ namespace: ns, name: 'a' })))?.['data']).toEqual({ value: '2' })
  })
})

describe('deletion', () => {
  const policies: readonly (readonly [string, Record<string, unknown>, boolean])[] = [
    ['MirrorPrune with prune deletes', { deletionPolicy: 'MirrorPrune', prune: true }, false],
    ['MirrorPrune without prune leaves', { deletionPolicy: 'MirrorPrune', prune: false }, true],
    ['Delete deletes without prune', { deletionPolicy: 'Delete', prune: false }, false],
    ['WaitForTermination deletes', { deletionPolicy: 'WaitForTermination' }, false],
    ['Orphan leaves', { deletionPolicy: 'Orphan' }, true],
    ['a suspended one leaves', { suspend: true }, true],
  ]
  it.each(policies)('%s', async (_, spec, stays) => {
    const ns = await world.namespace()
    const revision = await world.publish(ns, { 'a.yaml': yaml(configMap({ namespace: ns, name: 'a' })) })
    await world.kustomization(appIn(ns), { ...spec, suspend: false })
    await untilApplied(world, appIn(ns), revision)
    if (spec['suspend'] === true) await world.kustomization(appIn(ns), spec)
    await world.remove(kustomizationOf(appIn(ns)))
    await gone(ns)
    expect(await exists(ns, 'a')).toBe(stays)
  })

  it('waits with WaitForTermination until the objects are gone', async () => {
    const ns = await world.namespace()
    const held = configMap({ namespace: ns, name: 'a' }, { key: 'value' }, { finalizers: ['test.example/hold'] })
    const revision = await world.publish(ns, { 'a.yaml': yaml(held) })
    await world.kustomization(appIn(ns), { deletionPolicy: 'WaitForTermination' })
    await untilApplied(world, appIn(ns), revision)
    await world.remove(kustomizationOf(appIn(ns)))
    await until('a terminating', async () => ((await world.read(held))?.metadata.deletionTimestamp ? true : undefined))
    await pause(300)
    expect(await world.kube.get({ resource: kustomizationKind, ...appIn(ns) })).toBeDefined()
    await world.edit(held, { metadata: { finalizers: null } })
    await gone(ns)
  })

  it('leaves what somebody else owns by now, and what a live switch protects', async () => {
    const ns = await world.namespace()
    const revision = await world.publish(ns, { 'a.yaml': yaml(configMap({ namespace: ns, name: 'kept' }), configMap({ namespace: ns, name: 'other' }), configMap({ namespace: ns, name: 'b' })) })
    await world.kustomization(appIn(ns), { deletionPolicy: 'Delete' })
    await untilApplied(world, appIn(ns), revision)
    await world.edit(configMap({ namespace: ns, name: 'kept' }), { metadata: { annotations: { 'kustomize.toolkit.fluxcd.io/prune': 'disabled' } } })
    await world.kustomization(appIn(ns), { deletionPolicy: 'Delete', serviceAccountName: 'not-built' }) // corrects no labels and keeps its finalizer
    await untilFailed(world, appIn(ns), 'NotSupported')
    await world.edit(configMap({ namespace: ns, name: 'other' }), { metadata: { labels: { 'kustomize.toolkit.fluxcd.io/name': 'another' } } })
    await world.remove(kustomizationOf(appIn(ns)))
    await world.kustomization(appIn(ns), { deletionPolicy: 'Delete' })
    await gone(ns)
    expect([await exists(ns, 'kept'), await exists(ns, 'other'), await exists(ns, 'b')]).toEqual([true, true, false])
  })

  it('finalizes an object whose stored spec cannot be read', async () => {
    const ns = await world.namespace()
    const revision = await world.publish(ns, { 'a.yaml': yaml(configMap({ namespace: ns, name: 'a' })) })
    await world.kustomization(appIn(ns))
    await untilApplied(world, appIn(ns), revision)
    const crd = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'kustomizations.kustomize.toolkit.fluxcd.io' } }
    const definition = (await world.read(crd)) as unknown as { spec: { versions: { schema: { openAPIV3Schema: { properties: { spec: { properties: { interval: { pattern?: string } } } } } } }[] } }
    const interval = definition.spec.versions[0]?.schema.openAPIV3Schema.properties.spec.properties.interval
    const { pattern } = interval ?? {}
    delete interval?.pattern
    await world.edit(crd, { spec: { versions: definition.spec.versions } })
    await until('stored', async () => world.edit(kustomizationOf(appIn(ns)), { spec: { interval: 'soon' } }).catch(() => undefined))
    const stalled = await untilFailed(world, appIn(ns), 'InvalidSpec')
    expect([messageOf(stalled), conditionIn(stalled, 'Stalled')?.status, inventoryIn(stalled)]).toEqual([expect.stringContaining('spec.interval'), 'True', [`${ns}_a__ConfigMap`]])
    if (interval && pattern !== undefined) interval.pattern = pattern
    await world.edit(crd, { spec: { versions: definition.spec.versions } })
    await world.remove(kustomizationOf(appIn(ns)))
    await gone(ns)
    expect(await exists(ns, 'a')).toBe(false)
  })

  it('starts afresh when it is made again under the same name', async () => {
    const ns = await world.namespace()
    const revision = await world.publish(ns, { 'a.yaml': yaml(configMap({ namespace: ns, name: 'a' })) })
    const made = await world.kustomization(appIn(ns))
    await untilApplied(world, appIn(ns), revision)
    await world.remove(kustomizationOf(appIn(ns)))
    await gone(ns)
    const again = await world.kustomization(appIn(ns))
    expect(again.metadata.uid).not.toBe(made.metadata.uid)
    expect(inventoryIn(await untilApplied(world, appIn(ns), revision))).toEqual([`${ns}_a__ConfigMap`])
    expect(await exists(ns, 'a')).toBe(true)
  })
})

describe('a build of nothing', () => {
  it('prunes nothing until the object says that it may', async () => {
    const ns = await world.namespace()
    const first = await world.publish(ns, { 'a.yaml': yaml(configMap({ namespace: ns, name: 'a' })) })
    await world.kustomization(appIn(ns))
    await untilApplied(world, appIn(ns), first)
    const second = await world.publish(ns, { 'README.md': 'nothing here' })
    const refused = await untilFailed(world, appIn(ns), 'PruneFailed')
    expect(messageOf(refused)).toContain('weir.dev/allow-empty: "true"')
    expect(refused.status).toMatchObject({ lastAppliedRevision: first, lastAttemptedRevision: second })
    expect(inventoryIn(refused)).toEqual([`${ns}_a__ConfigMap`])
    expect(await exists(ns, 'a')).toBe(true)
    await world.edit(kustomizationOf(appIn(ns)), { metadata: { annotations: { [annotations.allowEmpty]: 'true' } } })
    expect(inventoryIn(await untilApplied(world, appIn(ns), second))).toEqual([])
    expect(await exists(ns, 'a')).toBe(false)
  })
})

describe('suspend', () => {
  it('leaves everything, echoes a token, and catches up when resumed', async () => {
    const ns = await world.namespace()
    const first = await world.publish(ns, { 'a.yaml': yaml(configMap({ namespace: ns, name: 'a' }, { value: '1' })) })
    await world.kustomization(appIn(ns))
    await untilApplied(world, appIn(ns), first)
    await world.kustomization(appIn(ns), { suspend: true })
    await untilKustomization(world, appIn(ns), ({ status, metadata }) => status?.observedGeneration === metadata.generation)
    const second = await world.publish(ns, { 'a.yaml': yaml(configMap({ namespace: ns, name: 'a' }, { value: '2' })) })
    await world.edit(configMap({ namespace: ns, name: 'a' }), { data: { value: 'by hand' } })
    await world.edit(kustomizationOf(appIn(ns)), { metadata: { annotations: { [annotations.requestedAt]: 'now' } } })
    const asked = await untilKustomization(world, appIn(ns), ({ status }) => status?.lastHandledReconcileAt === 'now')
    expect([asked.status?.lastAppliedRevision, conditionIn(asked, 'Ready')?.status]).toEqual([first, 'True'])
    expect((await world.read(configMap({ namespace: ns, name: 'a' })))?.['data']).toEqual({ value: 'by hand' })
    await world.kustomization(appIn(ns), { suspend: false })
    await untilApplied(world, appIn(ns), second)
    expect((await world.read(configMap({ namespace: ns, name: 'a' })))?.['data']).toEqual({ value: '2' })
  })
})

describe('what is not built yet', () => {
  const fields: readonly (readonly [string, Record<string, unknown>])[] = [
    ['spec.decryption', { decryption: { provider: 'sops' } }],
    ['spec.kubeConfig', { kubeConfig: { secretRef: { name: 'far' } } }],
    ['spec.serviceAccountName', { serviceAccountName: 'deployer' }],
    ['spec.healthCheckExprs', { healthCheckExprs: [{ apiVersion: 'v1', kind: 'ConfigMap', current: 'true' }] }],
    ['spec.ignore', { ignore: [{ paths: ['/data'] }] }],
    ['spec.dependsOn[].readyExpr', { dependsOn: [{ name: 'other', readyExpr: 'dep.status.x == 1' }] }],
  ]
  it.each(fields)('refuses %s, naming it, and leaves artifact, inventory and objects', async (field, spec) => {
    const ns = await world.namespace()
    const first = await world.publish(ns, { 'a.yaml': yaml(configMap({ namespace: ns, name: 'a' })) })
    await world.kustomization(appIn(ns))
    await untilApplied(world, appIn(ns), first)
    const changed = await world.kustomization(appIn(ns), spec)
    const refused = await untilFailed(world, appIn(ns), 'NotSupported')
    expect(messageOf(refused)).toContain(field)
    expect(conditionIn(refused, 'Stalled')).toMatchObject({ status: 'True', reason: 'NotSupported' })
    expect(refused.status).toMatchObject({ observedGeneration: changed.metadata.generation, lastAppliedRevision: first })
    await world.publish(ns, { 'b.yaml': yaml(configMap({ namespace: ns, name: 'b' })) })
    await pause(200)
    expect([await exists(ns, 'a'), await exists(ns, 'b')]).toEqual([true, false])
    expect(inventoryIn(refused)).toEqual([`${ns}_a__ConfigMap`])
  })

  it.each([['kubeConfig', { kubeConfig: { secretRef: { name: 'far' } } }], ['serviceAccountName', { serviceAccountName: 'deployer' }]])('keeps the finalizer with %s while there is something to delete, and says why', async (field, spec) => {
    const ns = await world.namespace()
    const revision = await world.publish(ns, { 'a.yaml': yaml(configMap({ namespace: ns, name: 'a' })) })
    await world.kustomization(appIn(ns))
    await untilApplied(world, appIn(ns), revision)
    await world.kustomization(appIn(ns), spec)
    await untilFailed(world, appIn(ns), 'NotSupported')
    await world.remove(kustomizationOf(appIn(ns)))
    const kept = await untilKustomization(world, appIn(ns), (found) => found.metadata.deletionTimestamp !== undefined && messageOf(found).includes('deleted'))
    expect(messageOf(kept)).toContain(field)
    expect(await exists(ns, 'a')).toBe(true)
    await world.kustomization(appIn(ns), { ...spec, deletionPolicy: 'Orphan' })
    await gone(ns)
    expect(await exists(ns, 'a')).toBe(true)
  })

  it('refuses remote bases', async () => {
    const ns = await world.namespace()
    await world.publish(ns, { 'kustomization.yaml': 'resources: [https://example.com/base.yaml]' })
    await world.kustomization(appIn(ns))
    const refused = await untilFailed(world, appIn(ns), 'NotSupported')
    expect([conditionIn(refused, 'Stalled')?.status, messageOf(refused)]).toEqual(['True', expect.stringContaining('example.com')])
    const fixed = await world.publish(ns, { 'a.yaml': yaml(configMap({ namespace: ns, name: 'a' })) })
    await untilApplied(world, appIn(ns), fixed)
  })
})
