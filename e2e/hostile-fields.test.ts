import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Condition } from '@weir/shared/api'
import { readPublicTexts } from './aftermath.ts'
import { applyAs, readKustomization, readyOf, until } from './fleet.ts'
import { configMap, kustomizationOf, namespace, startFlow, type Flow } from './flow.ts'
import { findCanaries } from './invariants.ts'

// Every field of a kustomization that names a file, a folder or a URL, on the whole way from a push to a condition: absolute, climbing out, and remote.

const canary = 'canary-3e0c91d2-outside'

/** `REF` stands for the reference. */
const fields: Readonly<Record<string, string>> = {
  'resources': 'resources: [REF]',
  'resources in another case': 'RESOURCES: [REF]',
  'bases': 'bases: [REF]',
  'components': 'components: [REF]',
  'crds': 'crds: [REF]',
  'configurations': 'configurations: [REF]',
  'openapi.path': 'openapi: {path: REF}',
  'configMapGenerator.files': 'configMapGenerator: [{name: g, files: [REF]}]',
  'configMapGenerator.files with a key': 'configMapGenerator: [{name: g, files: ["key=REF"]}]',
  'configMapGenerator.envs': 'configMapGenerator: [{name: g, envs: [REF]}]',
  'configMapGenerator.env': 'configMapGenerator: [{name: g, env: REF}]',
  'secretGenerator.files': 'secretGenerator: [{name: g, files: [REF]}]',
  'secretGenerator.envs': 'secretGenerator: [{name: g, envs: [REF]}]',
  'secretGenerator.env': 'secretGenerator: [{name: g, env: REF}]',
  'patches.path': 'patches: [{path: REF}]',
  'patchesJson6902.path': 'patchesJson6902: [{path: REF, target: {kind: A, name: b}}]',
  'patchesStrategicMerge': 'patchesStrategicMerge: [REF]',
  'replacements.path': 'replacements: [{path: REF}]',
  'generators': 'generators: [REF]',
  'transformers': 'transformers: [REF]',
  'validators': 'validators: [REF]',
  'plugin ConfigMapGenerator.files': 'generators: ["{apiVersion: builtin, kind: ConfigMapGenerator, metadata: {name: x}, files: [REF]}"]',
  'plugin SecretGenerator.envs': 'generators: ["{apiVersion: builtin, kind: SecretGenerator, metadata: {name: x}, envs: [REF]}"]',
  'plugin PatchTransformer.path': 'transformers: ["{apiVersion: builtin, kind: PatchTransformer, metadata: {name: x}, path: REF}"]',
  'plugin PatchJson6902Transformer.path': 'transformers: ["{apiVersion: builtin, kind: PatchJson6902Transformer, metadata: {name: x}, path: REF}"]',
  'plugin PatchStrategicMergeTransformer.paths': 'transformers: ["{apiVersion: builtin, kind: PatchStrategicMergeTransformer, metadata: {name: x}, paths: [REF]}"]',
  'plugin ReplacementTransformer.replacements.path': 'transformers: ["{apiVersion: builtin, kind: ReplacementTransformer, metadata: {name: x}, replacements: [{path: REF}]}"]',
  'plugin ValueAddTransformer.targetFilePath': 'transformers: ["{apiVersion: builtin, kind: ValueAddTransformer, metadata: {name: x}, value: v, targetFilePath: REF}"]',
}

/** Fields that make kustomize run helm: refused as a whole, with whatever paths. */
const helm: Readonly<Record<string, string>> = {
  'helmCharts.valuesFile': 'helmCharts: [{name: x, valuesFile: REF}]',
  'helmCharts.additionalValuesFiles': 'helmCharts: [{name: x, additionalValuesFiles: [REF]}]',
  'helmGlobals.chartHome': 'helmGlobals: {chartHome: REF}\nhelmCharts: [{name: x}]',
  'helmChartInflationGenerator.values': 'helmChartInflationGenerator: [{chartName: x, values: REF}]',
  'helmChartInflationGenerator.helmBin': 'helmChartInflationGenerator: [{chartName: x, helmBin: REF}]',
}

const ways = ['absolute', 'climbing', 'remote'] as const
const nameOf = (field: string, way: string): string => `${field}-${way}`.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')

describe('a path in a kustomization', () => {
  let flow: Flow
  let outside: string

  beforeAll(async () => {
    outside = await mkdtemp(path.join(tmpdir(), 'weir-outside-'))
    const secret = path.join(outside, 'secret.yaml')
    await writeFile(secret, configMap('from-outside', { canary }))
    const references = { absolute: secret, climbing: `../../../../../../../..${secret}`, remote: 'http://169.254.169.254/latest/meta-data' }
    flow = await startFlow({ fleet: 'api' })
    const all = Object.entries({ ...fields, ...helm }).flatMap(([field, template]) => ways.map((way) => ({ name: nameOf(field, way), text: template.replaceAll('REF', references[way]) })))
    const repository = await flow.repository('fields', { files: { 'README.md': 'x', ...Object.fromEntries(all.map(({ name, text }) => [`${name}/kustomization.yaml`, `${text}\n`])) } })
    for (const { name } of all) await applyAs(flow.platform.kube, kustomizationOf(name, repository.named, { path: `./${name}`, retryInterval: '1h' }))
    await Promise.all([flow.start('source-controller'), flow.start('kustomize-controller')])
  })
  afterAll(async () => {
    await flow?.stop()
    await rm(outside, { recursive: true, force: true })
  })

  const verdictOn = async (field: string, way: string): Promise<Condition> => {
    const state: { seen?: Condition | undefined } = {}
    return until(
      `${field}, ${way}, is refused`,
      async () => {
        state.seen = readyOf(await readKustomization(flow.platform.kube, { namespace, name: nameOf(field, way) }))
        return state.seen?.status === 'False' && state.seen.reason !== 'ArtifactFailed' ? state.seen : undefined
      },
      { seen: () => state.seen },
    )
  }

  it.each(Object.keys(fields))('in %s neither leaves the source nor the machine', async (field) => {
    for (const way of ['absolute', 'climbing']) {
      const { reason, message } = await verdictOn(field, way)
      expect([way, reason, message]).toEqual([way, 'BuildFailed', expect.stringMatching(/^.*kustomization\.yaml: .*secret\.yaml.* leaves the source$/)])
    }
    const { reason, message } = await verdictOn(field, 'remote')
    const address = field === 'components' ? /169\.254\.169\.254/ : /169\.254\.169\.254.* is remote/
    expect([reason, message]).toEqual(['NotSupported', expect.stringMatching(address)])
  })

  it.each(Object.keys(helm))('in %s runs no helm', async (field) => {
    for (const way of ways) expect(await verdictOn(field, way)).toMatchObject({ reason: 'BuildFailed', message: expect.stringMatching(/helm/i) })
  })

  it('brought nothing from outside into the cluster, a condition, an event or a log', async () => {
    const maps = await flow.platform.kube.list({ group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true }, { namespace })
    expect(maps.items.map(({ metadata }) => metadata.name).filter((name) => name !== 'kube-root-ca.crt')).toEqual([])
    expect(findCanaries([canary], await readPublicTexts(flow.platform))).toEqual([])
  })
})
