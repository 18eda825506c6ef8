import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { TestFile } from '@weir/shared/testing'
import { untilApplied } from '../fleet.ts'
import type { ControllerName } from '../platform.ts'
import { readSnapshot } from './snapshot.ts'
import { root, startWorld, untilFleetReady, untilStored, type Side, type World } from './world.ts'

type Rows = readonly (readonly [source: Side, kustomize: Side])[]

/** One side's source-controller and the other side's kustomize-controller. */
const pairs: Rows = [
  ['flux', 'weir'],
  ['weir', 'flux'],
]

describe.each(pairs)('the source-controller of %s feeds the kustomize-controller of %s', (source, kustomize) => {
  let world: World
  let commit: string

  beforeAll(async () => {
    world = await startWorld({ files: files({ maps: ['a', 'b', 'c'], value: 'one' }) })
    const sides: Readonly<Record<ControllerName, Side>> = { 'source-controller': source, 'kustomize-controller': kustomize }
    for (const [controller, side] of Object.entries(sides)) await world.hand(controller as ControllerName, side)
  }, 300_000)
  afterAll(async () => world?.[Symbol.asyncDispose]())

  const ids = async (): Promise<readonly string[]> => [...(await readSnapshot(world.kube)).objects.keys()].toSorted()
  const values = async (): Promise<readonly unknown[]> => [...(await readSnapshot(world.kube)).objects.values()].filter(({ kind }) => kind === 'ConfigMap').map((each) => each['data'])

  it('installs', async () => {
    commit = await world.remote.resolve('refs/heads/main')
    await world.declare()
    await untilFleetReady(world.kube, { commit, count: 2 })
    await untilStored(world.kube, commit)
    expect(await ids()).toEqual(['feeding_a__ConfigMap', 'feeding_b__ConfigMap', 'feeding_c__ConfigMap', 'feeding_web_apps_Deployment', 'flux-system_apps_kustomize.toolkit.fluxcd.io_Kustomization', '_feeding__Namespace'].toSorted())
  })

  it('upgrades and prunes', async () => {
    commit = await world.commit(files({ maps: ['a', 'c', 'd'], value: 'two' }))
    await untilFleetReady(world.kube, { commit, count: 2 })
    expect(await values()).toEqual([{ value: 'two' }, { value: 'two' }, { value: 'two' }])
    const left = await world.kube.list({ group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true }, { namespace: 'feeding', labelSelector: 'kustomize.toolkit.fluxcd.io/name=apps' })
    expect(left.items.map(({ metadata }) => metadata.name).toSorted()).toEqual(['a', 'c', 'd'])
  })

  it('follows a tree that changed back to what it was: an artifact of another revision and the same content', async () => {
    const first = await world.commit(files({ maps: ['a'], value: 'one' }))
    await untilFleetReady(world.kube, { commit: first, count: 2 })
    const back = await world.commit(files({ maps: ['a', 'c', 'd'], value: 'two' }))
    await untilApplied(world.kube, root, back)
    await untilFleetReady(world.kube, { commit: back, count: 2 })
  })

  it('follows when the source restarts with an empty disk', async () => {
    await world.rest('source-controller')
    await world.emptyStores()
    await world.hand('source-controller', source)
    commit = await world.commit(files({ maps: ['a', 'e'], value: 'three' }))
    await untilFleetReady(world.kube, { commit, count: 2 })
    expect(await values()).toEqual([{ value: 'three' }, { value: 'three' }])
  })
})

interface State {
  readonly maps: readonly string[]
  readonly value: string
}

/** A Namespace, and an app in it that is waited for. Maps that a state does not have are deleted. */
function files({ maps, value }: State): Readonly<Record<string, TestFile>> {
  const all = ['a', 'b', 'c', 'd', 'e'].map((name) => [`apps/${name}.yaml`, maps.includes(name) ? configMap(name, value) : undefined] as const)
  return { 'clusters/test/apps.yaml': apps, 'clusters/test/namespace.yaml': 'apiVersion: v1\nkind: Namespace\nmetadata:\n  name: feeding\n', 'apps/web.yaml': deployment(value), ...Object.fromEntries(all) }
}

const apps = `apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: apps
  namespace: flux-system
spec:
  interval: 1h
  retryInterval: 2s
  timeout: 1m
  path: ./apps
  prune: true
  wait: true
  sourceRef:
    kind: GitRepository
    name: flux-system
`

function configMap(name: string, value: string): string {
  return `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n  namespace: feeding\ndata:\n  value: ${value}\n`
}

function deployment(value: string): string {
  const labels = { app: 'web' }
  const template = { metadata: { labels, annotations: { value } }, spec: { containers: [{ name: 'web', image: 'registry.example/web:1' }] } }
  return `${JSON.stringify({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'feeding' }, spec: { selector: { matchLabels: labels }, template } })}\n`
}
