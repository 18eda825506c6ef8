import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { ControlPlane } from '@weir/shared/control-plane'
import { quietTelemetry } from '@weir/shared/telemetry'
import { testControlPlane } from '@weir/shared/testing'
import { createCache } from './cache.ts'
import { loadConfig } from './connection/config.ts'
import { createKube, type Kube } from './kube.ts'
import type { KubeObject } from './objects.ts'

let cluster: ControlPlane
let kube: Kube
const ending = new AbortController()

beforeAll(async () => {
  cluster = await testControlPlane({ fleet: 'api', fresh: true })
  kube = await connect()
})
afterAll(async () => {
  ending.abort()
  await kube?.close()
  await cluster?.stop()
})

async function connect(user?: string): Promise<Kube> {
  const config = await loadConfig({ kubeconfig: cluster.kubeconfig(user) })
  return createKube({ config, userAgent: 'weir-kube-test', telemetry: quietTelemetry(), limits: { watchPauseMs: 100 } })
}

const configMaps = { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true }
const clusterRoles = { group: 'rbac.authorization.k8s.io', version: 'v1', kind: 'ClusterRole', plural: 'clusterroles', namespaced: false }
const crds = { group: 'apiextensions.k8s.io', version: 'v1', kind: 'CustomResourceDefinition', plural: 'customresourcedefinitions', namespaced: false }
const at = (name: string) => ({ resource: configMaps, namespace: 'default', name })
const configMap = (name: string, data: object = {}, metadata: object = {}) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default', ...metadata }, data })
const ours = { manager: 'weir', force: true }

describe('calls against a real API server', () => {
  it('create, apply, patch, read, list and delete', async () => {
    const created = await kube.create(configMaps, configMap('calls', { a: '1' }), { manager: 'weir' })
    await expect(kube.create(configMaps, configMap('calls'))).rejects.toMatchObject({ code: 'already-exists' })
    const applied = await kube.apply(at('calls'), Buffer.from(JSON.stringify(configMap('calls', { b: '2' }))), ours)
    expect((applied as unknown as { data: object }).data).toEqual({ a: '1', b: '2' })
    const again = await kube.apply(at('calls'), configMap('calls', { b: '2' }), { ...ours, metadataOnly: true })
    expect(again).toEqual({ apiVersion: 'v1', kind: 'ConfigMap', metadata: expect.objectContaining({ resourceVersion: applied.metadata.resourceVersion }) })
    const patched = await kube.patch(at('calls'), { type: 'json', body: [{ op: 'remove', path: '/data/a' }] })
    expect(patched).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', data: { b: '2' } })
    await expect(kube.patch(at('calls'), { type: 'merge', body: { metadata: { resourceVersion: '1' } } })).rejects.toMatchObject({ code: 'conflict' })
    const { items } = await kube.list(configMaps, { namespace: 'default', fieldSelector: 'metadata.name=calls', metadataOnly: true })
    expect(items).toEqual([{ apiVersion: 'v1', kind: 'ConfigMap', metadata: expect.objectContaining({ uid: created.metadata.uid }) }])
    await expect(kube.delete(at('calls'), { uid: 'another' })).rejects.toMatchObject({ code: 'conflict' })
    expect(await kube.delete(at('calls'), { uid: created.metadata.uid ?? '', dryRun: true })).toBe('deleted')
    expect(await kube.delete(at('calls'), { uid: created.metadata.uid ?? '' })).toBe('deleted')
    expect([await kube.get(at('calls')), await kube.delete(at('calls'))]).toEqual([undefined, 'not-found'])
  })

  it('reach names with capitals and colons, and keep unknown things out with the field named', async () => {
    const target = { resource: clusterRoles, namespace: '', name: 'Weir:Test:Role' }
    await kube.apply(target, { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: target.name }, rules: [] }, ours)
    expect((await kube.get(target))?.metadata.name).toBe('Weir:Test:Role')
    expect(await kube.delete(target)).toBe('deleted')
    await expect(kube.apply(at('Bad_Name'), configMap('Bad_Name'), ours)).rejects.toMatchObject({
      code: 'invalid',
      causes: [{ field: 'metadata.name', reason: 'FieldValueInvalid' }],
    })
    await expect(kube.apply(at('bad'), { ...configMap('bad'), data: { a: 1 } }, ours)).rejects.toMatchObject({ code: expect.stringMatching(/^(invalid|bad-request|server)$/) })
  })

  it('a dry run changes nothing, and sees what would be refused', async () => {
    await kube.apply(at('dry'), configMap('dry', { a: '1' }), { ...ours, dryRun: true })
    expect(await kube.get(at('dry'))).toBeUndefined()
    const nowhere = { ...at('x'), namespace: 'nowhere' }
    await expect(kube.apply(nowhere, { ...configMap('x'), metadata: { name: 'x', namespace: 'nowhere' } }, { ...ours, dryRun: true })).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('"nowhere"'),
    })
    expect(await kube.get(nowhere)).toBeUndefined()
  })

  it.each([
    ['', 'nonsenses'],
    ['apps', 'nonsenses'],
    ['none.example.org', 'nonsenses'],
  ])('tell that %j has no %s, which is not the same as an object that is not there', async (group, plural) => {
    const target = { resource: { group, version: 'v1', kind: 'Nonsense', plural, namespaced: true }, namespace: 'default', name: 'a' }
    await expect(kube.get(target)).rejects.toMatchObject({ code: 'not-served' })
    await expect(kube.delete(target)).rejects.toMatchObject({ code: 'not-served' })
    await expect(kube.list(target.resource)).rejects.toMatchObject({ code: 'not-served' })
    await expect(kube.apply(target, {}, ours)).rejects.toMatchObject({ code: 'not-served' })
  })

  it('list more than a page', async () => {
    const names = Array.from({ length: 1_100 }, (_, index) => `page-${index}`)
    for (let i = 0; i < names.length; i += 50) {
      await Promise.all(names.slice(i, i + 50).map((name) => kube.create(configMaps, configMap(name, {}, { labels: { pages: 'yes' } }))))
    }
    const { items } = await kube.list(configMaps, { labelSelector: 'pages=yes', metadataOnly: true })
    expect(new Set(items.map(({ metadata }) => metadata.name)).size).toBe(1_100)
  })

  it('speak as a controller with its rights, and as somebody else', async () => {
    const controller = await connect('kustomize-controller')
    await expect(controller.list(configMaps)).rejects.toMatchObject({ code: 'forbidden', message: expect.stringContaining('system:serviceaccount:weir-system:kustomize-controller') })
    await controller.close()
    const view = kube.as({ impersonateUser: 'system:serviceaccount:default:somebody' })
    await expect(view.get(at('a'))).rejects.toMatchObject({ code: 'forbidden', message: expect.stringContaining('default:somebody') })
    expect(await kube.get(at('a'))).toBeUndefined()
  })
})

describe('watches against a real API server', () => {
  interface Seen {
    readonly told: string[]
    until(line: string): Promise<void>
  }
  function follow(metadataOnly: boolean): Seen & { synced: Promise<void> } {
    const told: string[] = []
    const names = (object: KubeObject): string => `${object.kind} ${object.metadata.name} ${'data' in object ? 'whole' : 'metadata'}`
    const { synced } = kube.watch(
      { resource: configMaps, namespace: 'default', labelSelector: 'watched', metadataOnly, signal: ending.signal },
      { replace: (all) => void told.push(`= ${all.map(names).join()}`), upsert: (one) => void told.push(`+ ${names(one)}`), remove: (one) => void told.push(`- ${names(one)}`) },
    )
    const until = async (line: string): Promise<void> => {
      for (let i = 0; i < 500 && !told.includes(line); i++) await pause(10)
      expect(told).toContain(line)
    }
    return { told, until, synced }
  }

  it.each([
    [true, 'metadata'],
    [false, 'whole'],
  ])('tell what comes, changes, leaves the selector and goes (metadata only: %s)', async (metadataOnly, form) => {
    const { told, until, synced } = follow(metadataOnly)
    await synced
    const name = `watched-${form}`
    await kube.create(configMaps, configMap(name, { a: 'b' }, { labels: { watched: 'yes' } }))
    await kube.patch(at(name), { type: 'merge', body: { metadata: { labels: { watched: null } } } })
    await until(`- ConfigMap ${name} ${form}`)
    expect(told).toEqual(['= ', `+ ConfigMap ${name} ${form}`, `- ConfigMap ${name} ${form}`])
  })

  it('go on after the API server was restarted, without a lost event', async () => {
    const { told, until, synced } = follow(true)
    await synced
    await cluster.restart('kube-apiserver')
    await kube.create(configMaps, configMap('after-restart', {}, { labels: { watched: 'yes' } }))
    await until('+ ConfigMap after-restart metadata')
    expect(told.filter((line) => line.startsWith('+'))).toEqual(['+ ConfigMap after-restart metadata'])
    await kube.delete(at('after-restart'))
  })
})

describe('a cache against a real API server', () => {
  it('reads its own writes, and does not bring back what was deleted', async () => {
    const cache = createCache({ kube, kind: configMaps, namespace: 'default', decode: (object) => object, signal: ending.signal })
    const events: string[] = []
    cache.onChange(({ type, before, after }) => {
      const name = (after ?? before)?.metadata.name ?? ''
      if (name === 'cached') events.push(type)
    })
    await cache.synced
    const created = await kube.create(configMaps, configMap('cached', { a: '1' }))
    cache.observe(created)
    expect(cache.get('default', 'cached')).toMatchObject({ data: { a: '1' } })
    expect(cache.get('default', 'cached')?.metadata.managedFields).toBeUndefined()
    const answer = await kube.patch(at('cached'), { type: 'merge', body: { data: { a: '2' } } })
    await kube.delete(at('cached'))
    for (let i = 0; i < 500 && cache.get('default', 'cached'); i++) await pause(10)
    cache.observe(answer)
    expect(cache.get('default', 'cached')).toBeUndefined()
    expect(cache.reached(answer.metadata.resourceVersion ?? '')).toBe(true)
    expect(events).toEqual(['added', 'changed', 'removed'])
  })
})

describe('discovery of a real API server', () => {
  const widget = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'widgets.test.weir.dev' },
    spec: {
      group: 'test.weir.dev',
      scope: 'Namespaced',
      names: { kind: 'Widget', plural: 'widgets' },
      versions: ['v1', 'v1beta1'].map((name) => ({
        name,
        served: true,
        storage: name === 'v1',
        subresources: { status: {} },
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      })),
    },
  }
  const name = { group: 'test.weir.dev', kind: 'Widget' }

  it('finds built-in kinds', async () => {
    const { discovery } = kube
    expect(await discovery.resource({ group: 'apps', kind: 'Deployment' })).toMatchObject({ version: 'v1', plural: 'deployments', namespaced: true, status: true })
    expect(await discovery.resource({ group: '', kind: 'Namespace' })).toMatchObject({ version: 'v1', namespaced: false })
    expect((await discovery.resource({ group: '', kind: 'ConfigMap' }))?.verbs).toEqual(expect.arrayContaining(['list', 'watch', 'patch']))
    expect(await discovery.resource({ group: 'apps', kind: 'Deployment', version: 'v1beta1' })).toBeUndefined()
    expect(await discovery.absent({ group: 'apps', kind: 'Deployment' })).toBe('served')
    expect(await discovery.absent({ group: 'policy', kind: 'PodSecurityPolicy' })).toBe('gone')
    expect([discovery.complete('apps'), discovery.complete('none.example.org')]).toEqual([true, true])
  })

  it('follows a CRD that comes and goes', async () => {
    const { discovery } = kube
    const told: string[] = []
    const stop = discovery.onChange((groups) => void told.push(...groups))
    const following = new AbortController()
    discovery.follow(following.signal)
    expect(await discovery.absent(name)).toBe('gone')
    const crd = { resource: crds, namespace: '', name: widget.metadata.name }
    await kube.apply(crd, widget, ours)
    for (let i = 0; i < 500 && !told.includes('test.weir.dev'); i++) await pause(20)
    const found = await discovery.resource(name)
    expect(found).toMatchObject({ version: 'v1', plural: 'widgets', status: true })
    expect(await discovery.resource({ ...name, version: 'v1beta1' })).toMatchObject({ version: 'v1beta1' })

    const target = { resource: { ...name, version: 'v1', plural: 'widgets', namespaced: true }, namespace: 'default', name: 'w' }
    const object = { apiVersion: 'test.weir.dev/v1', kind: 'Widget', metadata: { name: 'w', namespace: 'default' }, spec: { unknown: { deep: true } } }
    expect(await kube.apply(target, object, ours)).toMatchObject({ spec: object.spec })
    expect(await kube.patch(target, { type: 'merge', subresource: 'status', body: { status: { x: 1 } } })).toMatchObject({ status: { x: 1 } })
    expect(await kube.delete(target, { propagation: 'Background' })).toBe('deleted')

    told.length = 0
    await kube.delete(crd)
    for (let i = 0; i < 750 && !told.includes('test.weir.dev'); i++) await pause(20)
    expect(told).toContain('test.weir.dev')
    expect(await discovery.resource(name)).toBeUndefined()
    await expect(kube.get(target)).rejects.toMatchObject({ code: 'not-served' })
    following.abort()
    stop()
  })

  it('does not call a kind gone while another server claims its group', async () => {
    const apiService = { group: 'apiregistration.k8s.io', version: 'v1', kind: 'APIService', plural: 'apiservices', namespaced: false }
    const target = { resource: apiService, namespace: '', name: 'v1.claimed.weir.dev' }
    await kube.apply(
      target,
      {
        apiVersion: 'apiregistration.k8s.io/v1',
        kind: 'APIService',
        metadata: { name: target.name },
        spec: { group: 'claimed.weir.dev', version: 'v1', groupPriorityMinimum: 100, versionPriority: 100, insecureSkipTLSVerify: true, service: { name: 'none', namespace: 'default' } },
      },
      ours,
    )
    await pause(5_100) // what absent() knows is shared for 5 s
    expect(await kube.discovery.absent({ group: 'claimed.weir.dev', kind: 'Thing' })).toBe('unknown')
    expect(await kube.discovery.absent({ group: 'apps', kind: 'Nonsense' })).toBe('gone')
    await kube.delete(target)
  })

  it('does not call anything gone without the right to look', async () => {
    const controller = await connect('source-controller')
    expect(await controller.discovery.absent({ group: 'none.example.org', kind: 'Thing' })).toBe('unknown')
    await controller.close()
  })
})
