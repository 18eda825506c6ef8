import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { fieldManagers, labels, type Kustomization } from '@weir/shared/api'
import { createKube, loadConfig, type Kube, type KubeObject } from '@weir/shared/kube'
import { quietTelemetry } from '@weir/shared/telemetry'
import { testControlPlane } from '@weir/shared/testing'
import type { Cluster } from '@weir/shared/control-plane'
import { applyAs } from '../fleet.ts'
import { renderExpected, type Expected } from './expected.ts'
import type { Unit } from './fleet-plan.ts'
import { idOf, judgeEndState, judgeStatus } from './judge.ts'
import { siteOf } from './render-unit.ts'

// Each rule of the end state, seen biting on a real server.

const site = siteOf(0)
const { namespace } = site
const part = (kind: Unit['parts'][number]['kind'], name: string): Unit['parts'][number] => ({ kind, name, value: `value-${name}` })
const common = { repository: 0, broken: undefined, wait: false, healthChecks: false, prune: true, dependsOn: [], common: undefined, allowEmpty: false, suspend: false }
const units: readonly Unit[] = [
  { ...common, name: 'k00', shape: 'plain', parts: [part('ConfigMap', 'a'), part('Secret', 'b'), part('Service', 'c')], variable: 'filled' },
  { ...common, name: 'k01', shape: 'overlay', parts: [part('Role', 'a'), part('Deployment', 'b')], variable: undefined },
  { ...common, name: 'k02', shape: 'generator', parts: [part('ServiceAccount', 'a')], variable: undefined, common: 'labelled' },
]

let cluster: Cluster
let kube: Kube
let expected: readonly Expected[]

const owned = ({ unit, object }: Expected): KubeObject => ({ ...object, metadata: { ...object.metadata, labels: { ...object.metadata.labels, [labels.ownerName]: unit, [labels.ownerNamespace]: namespace } } })
const applyAll = (): Promise<unknown> => Promise.all(expected.map((each) => applyAs(kube, owned(each), fieldManagers.kustomizeApply)))
const kustomizations = (changed: (ids: readonly string[]) => readonly string[] = (ids) => ids): ReadonlyMap<string, Kustomization> =>
  new Map(units.map(({ name }) => [name, { status: { inventory: { entries: changed(expected.filter(({ unit }) => unit === name).map(({ object }) => idOf(object))).map((id) => ({ id, v: 'v1' })) } } } as unknown as Kustomization]))
const judge = (changed: Partial<Parameters<typeof judgeEndState>[1]> = {}): Promise<readonly string[]> => judgeEndState(kube, { site, units, expected, unpruned: new Set(), kustomizations: kustomizations(), ...changed })
const configMaps = { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true }
const target = { resource: configMaps, namespace, name: 'k00-a' }

beforeAll(async () => {
  cluster = await testControlPlane({ fleet: 'api' })
  kube = await createKube({ config: await loadConfig({ kubeconfig: cluster.kubeconfig() }), userAgent: 'chaos-judge', telemetry: quietTelemetry() })
  await applyAs(kube, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
  expected = await renderExpected(site, units, ['base value'])
  await applyAll()
})
afterAll(async () => {
  await kube?.close()
  await cluster?.stop()
})

describe('the end state', () => {
  it('is right when all of it is there as declared', async () => {
    expect(expected.map(({ object }) => object.metadata.name).sort()).toEqual(['k00-a', 'k00-b', 'k00-c', 'k01-a', 'k01-b', 'k01-shared', 'k02-a', expect.stringMatching(/^k02-generated-/)])
    expect(JSON.stringify(expected)).not.toContain('${')
    expect(await judge()).toEqual([])
  })

  it('bites at a value that another wrote, and at what an editor added', async () => {
    await kube.patch(target, { type: 'merge', body: { data: { value: 'by hand' } }, manager: 'kubectl-edit' })
    expect(await judge()).toEqual(expect.arrayContaining([expect.stringMatching(/k00-a__ConfigMap .*by hand/), expect.stringContaining('kubectl-edit still holds fields')]))
    await kube.delete(target)
    await applyAll()
    expect(await judge()).toEqual([])
  })

  it('bites at a field of an earlier revision that is still applied', async () => {
    const first = expected.find(({ object }) => object.metadata.name === 'k00-a')
    if (first === undefined) throw new Error('k00-a is declared')
    const more = { ...owned(first), data: { ...(first.object['data'] as object), old: 'x' } }
    await applyAs(kube, more, fieldManagers.kustomizeApply)
    expect(await judge()).toEqual([expect.stringContaining('f:old is left over')])
    await applyAll()
  })

  it('bites at an object that is missing, one that is left over, and one of another owner', async () => {
    await kube.delete(target)
    expect(await judge()).toEqual([expect.stringContaining('k00-a__ConfigMap is missing')])
    await applyAll()
    const extra = owned({ unit: 'k01', object: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'k01-old', namespace } } })
    await applyAs(kube, extra, fieldManagers.kustomizeApply)
    expect(await judge()).toEqual([expect.stringContaining('k01-old__ConfigMap is left over')])
    expect(await judge({ unpruned: new Set(['k01']) })).toEqual([])
    await kube.delete({ ...target, name: 'k01-old' })
    await kube.patch(target, { type: 'merge', body: { metadata: { labels: { [labels.ownerName]: 'k01' } } }, manager: fieldManagers.kustomizeApply })
    expect(await judge()).toEqual([expect.stringContaining('is owned by k01 and declared by k00')])
    await applyAll()
  })

  it('bites at an inventory that names too little or too much', async () => {
    expect((await judge({ kustomizations: kustomizations((ids) => ids.slice(1)) })).length).toBe(units.length)
    expect(await judge({ kustomizations: kustomizations((ids) => [...ids, 'chaos-0_gone__ConfigMap']) })).toContain('inventory of k00: chaos-0_gone__ConfigMap is left over')
  })
})

describe('a status', () => {
  const at = { lastTransitionTime: '2026-01-01T00:00:00Z' }
  const withReady = (ready: object, observedGeneration = 1): KubeObject => ({ apiVersion: 'v1', kind: 'Kustomization', metadata: { name: 'k00', generation: 1 }, status: { observedGeneration, conditions: [{ type: 'Ready', ...at, ...ready }] } }) as unknown as KubeObject

  const ready = (kind: string, reason: string): KubeObject => {
    const conditions = [{ type: 'Reconciling', reason }, { type: 'Ready', reason: 'Succeeded' }].map((each) => ({ ...at, status: 'True', message: 'told', observedGeneration: 1, ...each }))
    return { apiVersion: 'v1', kind, metadata: { name: 'a', generation: 1 }, status: { observedGeneration: 1, conditions } } as unknown as KubeObject
  }

  it.each([
    ['says nothing', withReady({ status: 'False', reason: '', message: '' }), 2],
    ['says nothing of a generation that is over', withReady({ status: 'False', reason: 'BuildFailed', message: '' }, 0), 1],
    ['says why', withReady({ status: 'False', reason: 'BuildFailed', message: 'a.yaml: no such file' }), 0],
    ['is that of a source in mid-run', ready('GitRepository', 'Progressing'), 0],
    ['is that of a source that is ready and retried', ready('GitRepository', 'ProgressingWithRetry'), 1],
    ['is ready in mid-run', ready('Kustomization', 'Progressing'), 1],
    ['is not there yet', { apiVersion: 'v1', kind: 'Kustomization', metadata: { name: 'k00', generation: 1 } } as KubeObject, 0],
  ])('that %s', (_, object, count) => {
    expect(judgeStatus(object)).toHaveLength(count)
  })
})
