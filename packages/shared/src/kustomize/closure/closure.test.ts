import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { scanClosure } from './closure.ts'
import type { Closure } from './closure.ts'
import { KustomizeError } from '../kustomize-error.ts'
import type { BuildSpec } from '../spec.ts'
import { treeOf } from '../test-tree.ts'
import { readTree } from '../tree-index.ts'

const scan = (files: Readonly<Record<string, string>>, spec: BuildSpec = {}): Promise<Closure> => scanClosure(readTree(treeOf(files)), spec)

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(() => undefined, (thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(KustomizeError)
  return (error as KustomizeError).code
}

/** Each field that names a file, with one reference in place of `REF`. */
const fileFields: Readonly<Record<string, string>> = {
  'resources': 'resources: [REF]',
  'resources in another case': 'Resources: [REF]',
  'resources with a long s': 'reſources: [REF]',
  'bases': 'bases: [REF]',
  'crds': 'crds: [REF]',
  'configurations': 'configurations: [REF]',
  'openapi.path': 'openapi: {path: REF}',
  'configMapGenerator.files': 'configMapGenerator: [{name: g, files: [REF]}]',
  'configMapGenerator.files with a key': 'configMapGenerator: [{name: g, files: ["key=REF"]}]',
  'configMapGenerator.envs': 'configMapGenerator: [{name: g, envs: [REF]}]',
  'configMapGenerator.env': 'configMapGenerator: [{name: g, ENV: REF}]',
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
  'an inline ConfigMapGenerator': 'generators: ["{apiVersion: builtin, kind: ConfigMapGenerator, metadata: {name: x}, files: [REF]}"]',
  'an inline SecretGenerator': 'generators: ["{apiVersion: builtin, kind: SecretGenerator, metadata: {name: x}, Envs: [REF]}"]',
  'an inline PatchTransformer': 'transformers: ["{apiVersion: builtin, kind: PatchTransformer, metadata: {name: x}, path: REF}"]',
  'an inline PatchJson6902Transformer': 'transformers: ["{apiVersion: builtin, kind: PatchJson6902Transformer, metadata: {name: x}, path: REF}"]',
  'an inline PatchStrategicMergeTransformer': 'transformers: ["{apiVersion: builtin, kind: PatchStrategicMergeTransformer, metadata: {name: x}, paths: [REF]}"]',
  'an inline ReplacementTransformer': 'transformers: ["{apiVersion: builtin, kind: ReplacementTransformer, metadata: {name: x}, replacements: [{path: REF}]}"]',
  'an inline ValueAddTransformer': 'transformers: ["{apiVersion: builtin, kind: ValueAddTransformer, metadata: {name: x}, value: v, targetFilePath: REF}"]',
  'plugins in a list': 'transformers: ["{apiVersion: v1, kind: List, items: [{apiVersion: builtin, kind: PatchTransformer, metadata: {name: x}, path: REF}]}"]',
}

describe.each(Object.entries(fileFields))('%s', (_field, template) => {
  const kustomization = (reference: string): string => template.replace('REF', reference)

  it('puts its file into the closure', async () => {
    const closure = await scan({ 'app/kustomization.yaml': kustomization('../lib/f.yaml'), 'lib/f.yaml': 'kind: A\n', 'lib/other.yaml': 'x' }, { path: 'app' })
    expect([...closure.files.keys()].toSorted()).toEqual(['app/kustomization.yaml', 'lib/f.yaml'])
  })

  it.each(['/etc/hostname', '../../etc/hostname', '../../../../../../etc/hostname', 'a/../../../app/x.yaml'])('refuses %j', async (reference) => {
    await expect(codeOf(scan({ 'app/kustomization.yaml': kustomization(reference), 'etc/hostname': 'x', 'app/x.yaml': 'x' }, { path: 'app' }))).resolves.toBe('escapes')
  })

  it.each(['https://example.com/a/b.yaml', 'http://169.254.169.254/latest'])('refuses the remote %j', async (reference) => {
    await expect(codeOf(scan({ 'kustomization.yaml': kustomization(reference) }))).resolves.toBe('remote')
  })

  it('says what is missing, where it is listed', async () => {
    const error = await scan({ 'app/kustomization.yaml': kustomization('-gone.yaml') }, { path: 'app' }).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'missing', file: 'app/kustomization.yaml' })
  })
})

describe('scanClosure', () => {
  it.each(['resources', 'components', 'generators', 'transformers', 'validators'])('refuses Git repositories in %s', async (field) => {
    for (const reference of ['ssh://git@h/o/r', 'git@github.com:o/r', 'github.com/o/r', 'file:///tmp/r', 'git::https://h/o/r']) {
      await expect(codeOf(scan({ 'kustomization.yaml': `${field}: ["${reference}"]` }))).resolves.toBe('remote')
    }
  })

  it('follows bases and components, each once, also in a circle', async () => {
    const closure = await scan({
      'a/kustomization.yaml': 'resources: [../b, ../c]\n', 'b/kustomization.yml': 'resources: [../d]\n', 'c/Kustomization': 'resources: [../d]\ncomponents: [../e]\n',
      'd/kustomization.yaml': 'resources: [../a, x.yaml]\n', 'd/x.yaml': 'x', 'e/kustomization.yaml': 'kind: Component\n',
    }, { path: 'a' })
    expect([...closure.files.keys()].toSorted()).toEqual(['a/kustomization.yaml', 'b/kustomization.yml', 'c/Kustomization', 'd/kustomization.yaml', 'd/x.yaml', 'e/kustomization.yaml'])
    expect([...closure.absent]).toEqual(expect.arrayContaining(['a/kustomization.yml', 'a/Kustomization', 'b/kustomization.yaml', 'b/Kustomization']))
  })

  it('depends on everything once a plugin configuration is built itself', async () => {
    const closure = await scan({ 'kustomization.yaml': 'transformers: [plugins]\n', 'plugins/kustomization.yaml': 'resources: [p.yaml]\n', 'plugins/p.yaml': 'x', 'z.yaml': 'x' })
    expect(closure.whole).toBe(true)
  })

  it('reads plugin configurations of a file, relative to the listing directory', async () => {
    const closure = await scan({
      'app/kustomization.yaml': 'transformers: [../plugins/p.yaml]\n', 'app/patch.yaml': 'x',
      'plugins/p.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ignored}\npath: none.yaml\n---\napiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: p}\nPath: patch.yaml\n',
    }, { path: 'app' })
    expect([...closure.files.keys()]).toContain('app/patch.yaml')
  })

  it('takes inline patches for what they are', async () => {
    const closure = await scan({ 'kustomization.yaml': 'patchesStrategicMerge:\n- |\n  apiVersion: v1\n  kind: A\n  metadata: {name: x}\n- p.yaml\n', 'p.yaml': 'x' })
    expect([...closure.files.keys()]).toEqual(['kustomization.yaml', 'p.yaml'])
  })

  it('lists by name, enters no directory with a kustomization, and takes hidden ones too', async () => {
    const closure = await scan({
      'app/b.yaml': 'x', 'app/a/z.yml': 'x', 'app/a/note.txt': 'x', 'app/.hidden/h.yaml': 'x', 'app/k/Kustomization': 'resources: [r.yaml]\n', 'app/k/r.yaml': 'x',
      'app/k/ignored.yaml': 'x', 'app/data.json': '{}', 'app/A.yaml': 'x',
    }, { path: 'app' })
    expect(closure.kustomizations.get('app/kustomization.yaml')).toMatchObject({ resources: ['./.hidden/h.yaml', './A.yaml', './a/z.yml', './b.yaml', './k'] })
    expect([...closure.listed].toSorted()).toEqual(['app', 'app/.hidden', 'app/a'])
    expect(closure.generated).toBe('app/kustomization.yaml')
  })

  it('drops unknown fields at the top and refuses them below', async () => {
    const closure = await scan({ 'kustomization.yaml': 'resurces: [x]\nnamespace: abc\npatches: [{patch: x, foo: 1}]\n' })
    expect(closure.kustomizations.get('kustomization.yaml')).toMatchObject({ namespace: 'abc', patches: [{ patch: 'x' }] })
    await expect(codeOf(scan({ 'kustomization.yaml': 'resources: [b]\n', 'b/kustomization.yaml': 'patches: [{patch: x, foo: 1}]\n' }))).resolves.toBe('input')
  })

  it('lets the spelling win that is later in byte order', async () => {
    const closure = await scan({ 'kustomization.yaml': 'resources: [a.yaml]\nResources: [b.yaml]\n', 'a.yaml': 'x', 'b.yaml': 'x' })
    expect(closure.kustomizations.get('kustomization.yaml')).toMatchObject({ resources: ['a.yaml'] })
  })

  it('reads only the first document and the last of two equal keys', async () => {
    const closure = await scan({ 'kustomization.yaml': 'resources: [b.yaml]\nresources: [a.yaml]\n---\nresources: [c.yaml]\n', 'a.yaml': 'x' })
    expect([...closure.files.keys()]).toContain('a.yaml')
  })

  it('remembers the components that are not there', async () => {
    const closure = await scan({ 'app/kustomization.yaml': 'resources: []\n' }, { path: 'app', components: ['../gone'], ignoreMissingComponents: true })
    expect(closure.absent.has('gone')).toBe(true)
  })

  it('takes a huge list', async () => {
    const names = Array.from({ length: 20_000 }, (_, n) => `${n}.yaml`)
    const closure = await scan({ 'kustomization.yaml': `resources: [${names.join(', ')}]\n`, ...Object.fromEntries(names.map((name) => [name, 'x'] as const)) })
    expect(closure.files.size).toBe(20_001)
  })

  it('refuses more kustomizations in one build than any fleet has', async () => {
    const names = Array.from({ length: 10_001 }, (_, n) => `d${n}`)
    const files = Object.fromEntries(names.map((name) => [`${name}/kustomization.yaml`, ''] as const))
    await expect(codeOf(scan({ 'kustomization.yaml': `resources: [${names.join(', ')}]\n`, ...files }))).resolves.toBe('resource')
  })

  it.each(['/etc', '../../etc', 'a/../../../etc'])('refuses the component %j', async (reference) => {
    await expect(codeOf(scan({ 'app/kustomization.yaml': `components: [${reference}]`, 'etc/kustomization.yaml': '' }, { path: 'app' }))).resolves.toBe('escapes')
  })

  it('ends every kustomization file in a closure or a KustomizeError', async () => {
    const words = ['resources', 'Bases', 'components', 'patches', 'transformers', 'generators', 'configMapGenerator', 'openapi', '- ', ': ', '\n', '  ', '[', ']', '{', '}', '&a ', '*a', '<<', '"', "'", '|', '>', '..', '/', 'x.yaml', 'https://h/r', '!!binary ', '~', '? ', '#', '---\n', '\t', '\u0000', '\ufeff']
    await fc.assert(fc.asyncProperty(fc.array(fc.constantFrom(...words), { maxLength: 25 }), async (pieces) => {
      const ended = await scan({ 'kustomization.yaml': pieces.join(''), 'x.yaml': 'x' }).catch((error: unknown) => error)
      if (ended instanceof Error) expect(ended).toBeInstanceOf(KustomizeError)
    }), { numRuns: 1_500 })
  })
})
