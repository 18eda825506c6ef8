import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { kustomizationKind, type Kind, type Kustomization } from '@weir/shared/api'
import type { KubeObject } from '@weir/shared/kube'
import { startApiProxy, type ApiProxy } from './api-proxy.ts'
import { applyAs, readKustomization, readyOf, until, untilApplied } from './fleet.ts'
import { configMap, kustomizationOf, namespace, startFlow, type Flow, type FlowRepository } from './flow.ts'

// Doubt about one kind: its objects stay, and everything else goes on.

const group = 'doubt.example.com'
const widgets: Kind = { group, version: 'v1', kind: 'Widget', plural: 'widgets', namespaced: true }
const configMaps: Kind = { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true }
const apiServices: Kind = { group: 'apiregistration.k8s.io', version: 'v1', kind: 'APIService', plural: 'apiservices', namespaced: false }
const definitions: Kind = { group: 'apiextensions.k8s.io', version: 'v1', kind: 'CustomResourceDefinition', plural: 'customresourcedefinitions', namespaced: false }

const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } }
const definition: KubeObject = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `widgets.${group}` },
  spec: { group, scope: 'Namespaced', names: { kind: 'Widget', plural: 'widgets', singular: 'widget', listKind: 'WidgetList' }, versions: [{ name: 'v1', served: true, storage: true, schema }] },
}
const definitionTarget = { resource: definitions, namespace: '', name: `widgets.${group}` }
const serviceTarget = { resource: apiServices, namespace: '', name: `v1.${group}` }

let flow: Flow
let api: ApiProxy
let repository: FlowRepository
let app = ''
let serial = 0

const widgetFile = (): string => `${JSON.stringify({ apiVersion: `${group}/v1`, kind: 'Widget', metadata: { name: app, namespace } })}\n`
const filesOf = (value: string, kept: readonly string[]): Record<string, string | undefined> => ({
  [`${app}/a.yaml`]: configMap(`${app}-a`, { value }),
  [`${app}/b.yaml`]: kept.includes('b') ? configMap(`${app}-b`, {}) : undefined,
  [`${app}/widget.yaml`]: kept.includes('widget') ? widgetFile() : undefined,
})
const own = (): Promise<Kustomization | undefined> => readKustomization(flow.platform.kube, { namespace, name: app })
const mapsLeft = async (): Promise<readonly string[]> => (await flow.platform.kube.list(configMaps, { namespace })).items.map(({ metadata }) => metadata.name).filter((name) => name.startsWith(app)).sort()
const valueOf = async (): Promise<unknown> => (await flow.platform.kube.get({ resource: configMaps, namespace, name: `${app}-a` }))?.['data']
const entriesOf = (found: Kustomization | undefined): readonly string[] => (found?.status?.inventory?.entries ?? []).map(({ id }) => id).sort()
const widgetId = (): string => `${namespace}_${app}_${group}_Widget`

beforeAll(async () => {
  flow = await startFlow({ fleet: 'api' })
  const { cluster, dir, kube } = flow.platform
  api = await startApiProxy({ direct: cluster.kubeconfig('kustomize-controller'), dir, seed: 20_260_404 })
  await applyAs(kube, definition)
  repository = await flow.repository('doubt', { files: { 'README.md': 'doubt' } })
  await Promise.all([flow.start('source-controller'), flow.start('kustomize-controller', { kubeconfig: api.kubeconfig })])
})
afterAll(async () => {
  await flow?.stop()
  await api?.proxy.close()
})
beforeEach(async () => {
  serial += 1
  app = `app${serial}`
  await until('Widgets are served', async () => {
    await applyAs(flow.platform.kube, definition)
    await flow.platform.kube.discovery.refresh({ maxAgeMs: 0 })
    return flow.platform.kube.list(widgets, { namespace }).then(() => true, () => undefined)
  })
  const commit = await repository.commit(filesOf('one', ['b', 'widget']))
  await applyAs(flow.platform.kube, kustomizationOf(app, repository.named, { path: `./${app}`, retryInterval: '1s' }))
  await untilApplied(flow.platform.kube, { namespace, name: app }, commit)
  expect(entriesOf(await own())).toContain(widgetId())
})
afterEach(() => api.proxy.use([]))

/** Widget and map b leave Git, map a changes. */
async function leaveGit(): Promise<string> {
  return repository.commit(filesOf('two', []))
}

/** The doubt is told, its object stays in the inventory, and everything else has happened. */
async function untilDoubted(commit: string): Promise<void> {
  const state: { seen?: Kustomization | undefined } = {}
  const doubted = await until(
    'the Widget is in doubt, and the rest is done',
    async () => {
      state.seen = await own()
      const ready = readyOf(state.seen)
      const isSo = ready?.status === 'False' && ready.reason === 'PruneFailed' && state.seen?.status?.lastAttemptedRevision?.endsWith(commit) === true
      return isSo ? state.seen : undefined
    },
    { seen: () => state.seen?.status },
  )
  expect(readyOf(doubted)?.message).toContain(`Widget/${namespace}/${app} delete failed`)
  expect(entriesOf(doubted)).toEqual([`${namespace}_${app}-a__ConfigMap`, widgetId()].sort())
  expect([await valueOf(), await mapsLeft()]).toEqual([{ value: 'two' }, [`${app}-a`]])
}

async function untilHealed(commit: string): Promise<void> {
  await untilApplied(flow.platform.kube, { namespace, name: app }, commit)
  expect(entriesOf(await own())).toEqual([`${namespace}_${app}-a__ConfigMap`])
}

describe('never prunes on doubt', () => {
  it('a dead APIService claims the group: the object lives, and is pruned once the group is served again', async () => {
    const { kube } = flow.platform
    const dead = { name: 'nobody', namespace, port: 443 }
    await kube.patch(serviceTarget, { type: 'merge', body: { metadata: { labels: { 'kube-aggregator.kubernetes.io/automanaged': null } }, spec: { service: dead, insecureSkipTLSVerify: true } } })
    await until('the group is dead', () => kube.list(widgets, { namespace }).then(() => undefined, () => true))
    const commit = await leaveGit()
    await untilDoubted(commit)
    await kube.delete(serviceTarget)
    const widget = { resource: widgets, namespace, name: app }
    await untilHealed(commit)
    expect(await until('the Widget is gone', async () => ((await kube.get(widget)) === undefined ? true : undefined))).toBe(true)
  })

  // First: the answer is kept for 5 s, and the next test gets one.
  it('the definition is deleted while APIServices cannot be listed: in doubt, and gone for certain once they can', async () => {
    api.proxy.use([{ fault: { kind: 'status', status: 500 }, methods: ['GET'], path: /\/apiservices(\?|$)/ }])
    await flow.platform.kube.delete(definitionTarget)
    await until('the definition is gone', async () => ((await flow.platform.kube.get(definitionTarget)) === undefined ? true : undefined))
    const commit = await leaveGit()
    await untilDoubted(commit)
    api.proxy.use([])
    await untilHealed(commit)
  })

  it('the definition is deleted while discovery answers 503: in doubt, and gone for certain once it answers', async () => {
    api.proxy.use([{ fault: { kind: 'status', status: 503 }, path: /^\/apis(\?|$)/ }])
    await flow.platform.kube.delete(definitionTarget)
    await until('the definition is gone', async () => ((await flow.platform.kube.get(definitionTarget)) === undefined ? true : undefined))
    const commit = await leaveGit()
    await untilDoubted(commit)
    api.proxy.use([])
    await untilHealed(commit)
  })

  it('an artifact in which the folder is empty, or missing, deletes nothing', async () => {
    const { kube } = flow.platform
    const all = [`${app}-a`, `${app}-b`]
    const refusedWith = (reason: string): Promise<true> => until(`refused with ${reason}`, async () => (readyOf(await own())?.reason === reason ? (true as const) : undefined))
    await repository.commit({ [`${app}/a.yaml`]: undefined, [`${app}/b.yaml`]: undefined, [`${app}/widget.yaml`]: undefined, [`${app}/README.md`]: 'nothing to see' })
    await refusedWith('PruneFailed')
    expect([await mapsLeft(), entriesOf(await own()).length]).toEqual([all, 3])
    await repository.commit({ [`${app}/README.md`]: undefined })
    await refusedWith('ArtifactFailed')
    expect([await mapsLeft(), entriesOf(await own()).length]).toEqual([all, 3])
    await kube.delete({ resource: kustomizationKind, namespace, name: app })
  })
})
