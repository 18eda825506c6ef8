import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { createKubectlEngine, createKustomizeService, kubectlBinary, kustomizeEngineBinary } from '@weir/shared/engine'
import type { Engine } from '@weir/shared/engine'
import { jsonOf, parseYaml } from '@weir/shared/manifest'
import { quietTelemetry } from '@weir/shared/telemetry'
import { createBuilder, KustomizeError } from './index.ts'
import { treeOf } from './test-tree.ts'

/** Repositories that nobody here wrote; beside a checkout, not in it. */
const fixtures = path.resolve(import.meta.dirname, '../../../../../shared/fixtures')
const telemetry = quietTelemetry()
const toJson = (yaml: string): string => jsonOf(parseYaml(yaml, { dialect: 'kyaml' }))

let temp = ''
let kubectl = ''
let service: Engine
let fallback: Engine
beforeAll(async () => {
  temp = await mkdtemp(path.join(tmpdir(), 'weir-differential-'))
  kubectl = await kubectlBinary()
  service = createKustomizeService({ binary: await kustomizeEngineBinary(), telemetry })
  fallback = createKubectlEngine({ kubectl, temp: path.join(temp, 'builds'), toJson, telemetry })
})
afterAll(async () => {
  await service.close()
  await fallback.close()
  await rm(temp, { recursive: true, force: true })
})

type Files = Readonly<Record<string, string>>

async function builtBy(engine: Engine, files: Files, at: string): Promise<unknown> {
  const builder = createBuilder({ engine, telemetry })
  try {
    const { objects } = await builder.build({ tree: treeOf(files), spec: { path: at }, texts: true })
    return objects.map(({ json, yaml }) => [JSON.parse(json) as unknown, yaml])
  } catch (error) {
    if (!(error instanceof KustomizeError)) throw error
    return { code: error.code, file: error.file, line: error.line }
  }
}

/** kubectl on the user's own files: no scan, no view, no merge. Undefined where it fails. */
async function oracle(directory: string): Promise<unknown> {
  const args = ['kustomize', '--load-restrictor', 'LoadRestrictionsNone', '--reorder', 'none', directory]
  const env = { PATH: '/nonexistent', HOME: '/nonexistent', KUBERC: 'off' }
  const ran = await promisify(execFile)(kubectl, args, { env, maxBuffer: 64 << 20 }).catch(() => undefined)
  const documents = ran?.stdout.split(/^---\n/m).filter((text) => text.trim() !== '')
  return documents?.map((yaml) => [JSON.parse(toJson(yaml)) as unknown, yaml])
}

function filesBelow(root: string): Files {
  const entries = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return Object.fromEntries(entries.map((entry) => {
    const full = path.join(entry.parentPath, entry.name)
    return [path.relative(root, full), readFileSync(full, 'utf8')] as const
  }))
}

const isKustomization = (name: string): boolean => ['kustomization.yaml', 'kustomization.yml', 'Kustomization'].includes(path.basename(name))

const repositories = existsSync(fixtures) ? readdirSync(fixtures) : []
const roots = repositories.flatMap((repository) =>
  Object.keys(filesBelow(path.join(fixtures, repository))).filter(isKustomization).map((file) => [repository, path.dirname(file)] as const))

const onFixtures = roots.length > 0 ? describe.each(roots) : describe.skip.each([['no fixtures', 'beside this checkout'] as const])

onFixtures('%s at %s', (repository, at) => {
  it('comes out of both engines as out of kubectl on the plain files', async () => {
    const root = path.join(fixtures, repository)
    const files = filesBelow(root)
    const ours = await builtBy(service, files, at)
    expect(await builtBy(fallback, files, at)).toEqual(ours)
    const plain = await oracle(path.join(root, at))
    if (plain === undefined) expect(ours).not.toBeInstanceOf(Array)
    else expect(ours).toEqual(plain)
  })
})

const deployment = 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d, labels: {yes: "on"}}\nspec:\n  template:\n    spec:\n      containers:\n      - {name: a, image: "nginx:1", args: [0777, 1e3, 2001-01-01, "no", yes, 012]}\n'
const ownFixtures: Readonly<Record<string, Files>> = {
  'strategic merge, images, replicas, labels': {
    'app/kustomization.yaml': 'resources: [d.yaml]\npatches:\n- path: p.yaml\nimages: [{name: nginx, newTag: "2.0"}]\nreplicas: [{name: d, count: 3}]\nlabels: [{pairs: {a: "1"}, includeSelectors: true}]\n',
    'app/d.yaml': deployment, 'app/p.yaml': 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: {template: {spec: {containers: [{name: b, image: x}]}}}\n',
  },
  'generators of odd content': {
    'app/d.yaml': deployment,
    'app/kustomization.yaml': 'resources: [d.yaml]\nconfigMapGenerator:\n- name: g\n  files: [a.txt, "k=b..txt"]\n  literals: ["q=\\"quoted\\"", "u=é\\u2028😀", "empty="]\n  envs: [e.env]\nsecretGenerator: [{name: s, type: Opaque, literals: [x=1]}]\ngeneratorOptions: {labels: {a: b}, immutable: true}\n',
    'app/a.txt': 'line\nline \n\ttab\n', 'app/b..txt': '\ufeffbom', 'app/e.env': '# c\nA=1\nB=two words\n',
  },
  'anchors, merge keys, other spellings': {
    'app/kustomization.yaml': 'Resources: &r [d.yaml]\nNAMEPREFIX: p-\ncommonAnnotations: &c {a: b}\nlabels: [{pairs: {<<: *c, x: z}}]\n', 'app/d.yaml': deployment,
  },
  'replacements and builtin plugins': {
    'app/kustomization.yaml': 'resources: [d.yaml, c.yaml]\nreplacements: [{path: r.yaml}]\ntransformers: [t.yaml, "{apiVersion: builtin, kind: PrefixTransformer, metadata: {name: x}, prefix: z-, fieldSpecs: [{path: metadata/name}]}"]\n',
    'app/d.yaml': deployment, 'app/c.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {image: "redis:7"}\n',
    'app/r.yaml': 'source: {kind: ConfigMap, name: c, fieldPath: data.image}\ntargets: [{select: {kind: Deployment}, fieldPaths: [spec.template.spec.containers.0.image]}]\n',
    'app/t.yaml': 'apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: t}\ntarget: {kind: ConfigMap}\npath: p.yaml\n', 'app/p.yaml': '- {op: add, path: /data/b, value: "2"}\n',
  },
  'build metadata with bases and a component': {
    'app/kustomization.yaml': 'resources: [../base, d.yaml]\ncomponents: [../comp]\nbuildMetadata: [originAnnotations, transformerAnnotations]\nnameSuffix: -s\n', 'app/d.yaml': deployment,
    'base/kustomization.yml': 'resources: [c.yaml]\n', 'base/c.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: base}\n',
    'comp/kustomization.yaml': 'apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches: [{target: {kind: ConfigMap}, patch: "- {op: add, path: /data, value: {k: v}}"}]\n',
  },
  'an order of its own': {
    'app/kustomization.yaml': 'resources: [d.yaml, n.yaml]\nsortOptions: {order: legacy}\n', 'app/d.yaml': deployment, 'app/n.yaml': 'apiVersion: v1\nkind: Namespace\nmetadata: {name: ns}\n',
  },
  'CRDs, configurations, vars': {
    'app/kustomization.yaml': 'resources: [d.yaml, x.yaml]\ncrds: [crd.json]\nconfigurations: [conf.yaml]\nnamePrefix: q-\nvars: [{name: V, objref: {apiVersion: apps/v1, kind: Deployment, name: d}}]\n',
    'app/d.yaml': 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n', 'app/x.yaml': 'apiVersion: e.com/v1\nkind: X\nmetadata: {name: x}\nspec: {ref: {name: d}, v: $(V)}\n',
    'app/crd.json': '{"e.com/v1.X": {"Schema": {"x-kubernetes-object-ref-api-version": "v1"}}}', 'app/conf.yaml': 'varReference: [{path: spec/v, kind: X}]\nnameReference: [{kind: Deployment, fieldSpecs: [{path: spec/ref/name, kind: X}]}]\n',
  },
}

describe.each(Object.entries(ownFixtures))('%s', (_name, files) => {
  it('comes out of both engines as out of kubectl on the plain files', async () => {
    const root = await mkdtemp(path.join(temp, 'own-'))
    for (const [name, content] of Object.entries(files)) {
      await mkdir(path.dirname(path.join(root, name)), { recursive: true })
      await writeFile(path.join(root, name), content)
    }
    const plain = await oracle(path.join(root, 'app'))
    expect(plain).toBeInstanceOf(Array)
    expect(await builtBy(service, files, 'app')).toEqual(plain)
    expect(await builtBy(fallback, files, 'app')).toEqual(plain)
  })
})
