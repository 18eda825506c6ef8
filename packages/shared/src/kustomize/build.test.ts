import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { createKustomizeService, EngineError, kustomizeEngineBinary } from '@weir/shared/engine'
import type { BuiltObject, Engine, View } from '@weir/shared/engine'
import { digestText } from '@weir/shared/manifest'
import { quietTelemetry } from '@weir/shared/telemetry'
import { createBuilder, KustomizeError } from './index.ts'
import type { BuildSpec } from './index.ts'
import { treeOf } from './test-tree.ts'

const telemetry = quietTelemetry()
const configMap = (name: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\n`

let service: Engine
beforeAll(async () => { service = createKustomizeService({ binary: await kustomizeEngineBinary(), telemetry, processes: 2 }) })
afterAll(async () => { await service.close() })

/** An engine that only counts: what the builder decides can be seen without one. */
function countingEngine(answer: (view: View) => readonly BuiltObject[] = () => []): Engine {
  let builds = 0
  return {
    version: 'counting',
    builds: () => builds,
    pids: () => [],
    close: async () => undefined,
    async build(view, { signal }) {
      builds += 1
      await new Promise((resolve) => setTimeout(resolve, 5))
      if (signal?.aborted === true) throw new EngineError('aborted', 'given up')
      return answer(view)
    },
  }
}

async function failure(promise: Promise<unknown>): Promise<KustomizeError> {
  const error = await promise.then(() => undefined, (thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(KustomizeError)
  return error as KustomizeError
}

/** A tree with apps that share one base. */
function fleet(apps: number, changed: Readonly<Record<string, string>> = {}): ReturnType<typeof treeOf> {
  const files: Record<string, string> = { 'base/kustomization.yaml': 'resources: [c.yaml]\n', 'base/c.yaml': configMap('c') }
  for (let app = 0; app < apps; app += 1) {
    files[`apps/${app}/kustomization.yaml`] = `namePrefix: a${app}-\nresources: [../../base, d.yaml]\n`
    files[`apps/${app}/d.yaml`] = configMap('d')
  }
  return treeOf({ ...files, ...changed })
}

const app = (n: number): { readonly spec: BuildSpec; readonly owner: string } => ({ spec: { path: `./apps/${n}` }, owner: `fleet/${n}` })

describe('createBuilder', () => {
  it('builds once for the same key, cached or in flight', async () => {
    const engine = countingEngine()
    const builder = createBuilder({ engine, telemetry })
    const tree = fleet(1)
    const all = await Promise.all(Array.from({ length: 1_000 }, (_, n) => builder.build({ tree, spec: { path: 'apps/0' }, owner: `many/${n}` })))
    expect(engine.builds()).toBe(1)
    expect(builder.counts()).toEqual({ builds: 1, scans: 1, carried: 0 })
    expect(all.filter(({ fresh }) => fresh)).toHaveLength(1)
    expect((await builder.build({ tree, spec: { path: 'apps/0' } })).fresh).toBe(false)
    expect(engine.builds()).toBe(1)
  })

  it('costs one build and one scan for a commit that touches one app of a thousand', async () => {
    const engine = countingEngine()
    const builder = createBuilder({ engine, telemetry })
    const before = fleet(1_000)
    await Promise.all(Array.from({ length: 1_000 }, (_, n) => builder.build({ tree: before, ...app(n) })))
    expect(builder.counts()).toEqual({ builds: 1_000, scans: 1_000, carried: 0 })
    const after = fleet(1_000, { 'apps/7/d.yaml': configMap('changed') })
    const again = await Promise.all(Array.from({ length: 1_000 }, (_, n) => builder.build({ tree: after, ...app(n) })))
    expect(builder.counts()).toEqual({ builds: 1_001, scans: 1_001, carried: 999 })
    expect(again.flatMap(({ fresh }, n) => (fresh ? [n] : []))).toEqual([7])
  })

  it('builds every app again when their base changes', async () => {
    const builder = createBuilder({ engine: countingEngine(), telemetry })
    for (let n = 0; n < 3; n += 1) await builder.build({ tree: fleet(3), ...app(n) })
    const after = fleet(3, { 'base/c.yaml': configMap('other') })
    for (let n = 0; n < 3; n += 1) expect((await builder.build({ tree: after, ...app(n) })).fresh).toBe(true)
  })

  it('knows a revert', async () => {
    const builder = createBuilder({ engine: countingEngine(), telemetry })
    const first = await builder.build({ tree: fleet(1), ...app(0) })
    const second = await builder.build({ tree: fleet(1, { 'apps/0/d.yaml': configMap('x') }), ...app(0) })
    const third = await builder.build({ tree: fleet(1), ...app(0) })
    expect(second.key).not.toBe(first.key)
    expect(third).toMatchObject({ key: first.key, fresh: false })
  })

  it.each<readonly [string, Readonly<Record<string, string>>]>([
    ['a file of a generated kustomization', { 'plain/new.yaml': configMap('n') }],
    ['a kustomization file in a directory that had none', { 'plain/deep/kustomization.yaml': 'resources: [a.yaml]\n' }],
    ['a second kustomization file beside the first', { 'apps/0/kustomization.yml': 'namespace: x\n' }],
  ])('sees %s that is new', async (_what, added) => {
    const files = { 'plain/a.yaml': configMap('a'), 'plain/deep/a.yaml': configMap('deep') }
    const builder = createBuilder({ engine: countingEngine(), telemetry })
    const path = Object.keys(added).some((name) => name.startsWith('plain')) ? 'plain' : 'apps/0'
    const before = await builder.build({ tree: fleet(1, files), spec: { path }, owner: 'o' })
    const after = await builder.build({ tree: fleet(1, { ...files, ...added }), spec: { path }, owner: 'o' }).catch((error: unknown) => error)
    if (after instanceof KustomizeError) expect(after.code).toBe('input')
    else expect(after).not.toMatchObject({ key: before.key })
  })

  it('does not build again for a file that no build reads', async () => {
    const builder = createBuilder({ engine: countingEngine(), telemetry })
    await builder.build({ tree: fleet(1), spec: { path: 'apps/0' }, owner: 'o' })
    const after = await builder.build({ tree: fleet(1, { 'README.md': 'hello', 'apps/0/notes.txt': 'x' }), spec: { path: 'apps/0' }, owner: 'o' })
    expect(after.fresh).toBe(false)
    expect(builder.counts()).toEqual({ builds: 1, scans: 1, carried: 1 })
  })

  it('tells specs apart in the key, and what works on built objects not', async () => {
    const builder = createBuilder({ engine: countingEngine(), telemetry })
    const specs: readonly BuildSpec[] = [
      { path: 'apps/0' }, { path: 'apps/0', targetNamespace: 'n' }, { path: 'apps/0', namePrefix: 'n' }, { path: 'apps/0', nameSuffix: 'n' },
      { path: 'apps/0', patches: [{ patch: 'a: b' }] }, { path: 'apps/0', images: [{ name: 'i', newTag: '1' }] },
      { path: 'apps/0', buildMetadata: ['originAnnotations'] },
    ]
    const keys = await Promise.all(specs.map((spec) => builder.keyOf({ tree: fleet(1), spec })))
    expect(new Set(keys).size).toBe(specs.length)
    expect(await builder.keyOf({ tree: fleet(1), spec: { path: './apps/0/' } })).toBe(keys[0])
    expect(builder.counts().builds).toBe(0)
  })

  it('keeps only what fits the budget', async () => {
    const big = 'x'.repeat(1_000)
    const engine = countingEngine(() => [{ json: big, yaml: big }])
    const builder = createBuilder({ engine, telemetry, budgetBytes: 5_000 })
    const tree = fleet(3)
    for (const n of [0, 1, 2, 2, 1, 0]) await builder.build({ tree, ...app(n), texts: true })
    expect(engine.builds()).toBe(4)
  })

  it('keeps texts only for who asked for them, and builds once more for the first who does', async () => {
    const text = { json: '{"kind":"ConfigMap"}', yaml: 'kind: ConfigMap\n' }
    const engine = countingEngine(() => [text, { json: '{"apiVersion":"kustomize.config.k8s.io/v1beta1","kind":"Kustomization"}', yaml: 'kind: Kustomization\n' }])
    const builder = createBuilder({ engine, telemetry })
    const request = { tree: fleet(1), ...app(0) }
    const [plain, , whole, again] = [await builder.build(request), await builder.build(request), await builder.build({ ...request, texts: true }), await builder.build(request)]
    expect(engine.builds()).toBe(2)
    expect(plain.objects[0]).toEqual({ json: text.json })
    expect(whole.objects[0]).toEqual(text)
    expect([plain, whole, again].map(({ digest }) => digest)).toEqual(Array.from({ length: 3 }, () => digestText(text.yaml)))
    await Promise.all([false, true, true].map((texts) => builder.build({ tree: fleet(2), ...app(1), texts })))
    expect(engine.builds()).toBe(4) // with and without at the same time do not wait for each other
  })

  it('does not keep a failure', async () => {
    let broken = true
    const engine = countingEngine(() => {
      if (broken) throw new EngineError('internal', 'panic')
      return []
    })
    const builder = createBuilder({ engine, telemetry })
    expect((await failure(builder.build({ tree: fleet(1), ...app(0) }))).code).toBe('unavailable')
    broken = false
    expect((await builder.build({ tree: fleet(1), ...app(0) })).fresh).toBe(true)
  })

  it('lets one asker go without taking the build from the others', async () => {
    const builder = createBuilder({ engine: countingEngine(), telemetry })
    const stop = new AbortController()
    const tree = fleet(1)
    const gone = failure(builder.build({ tree, ...app(0), signal: stop.signal }))
    const stays = builder.build({ tree, ...app(0), signal: new AbortController().signal })
    await new Promise((resolve) => setTimeout(resolve, 2))
    stop.abort(new Error('superseded'))
    expect((await gone).code).toBe('aborted')
    await expect(stays).resolves.toMatchObject({ objects: [] })
  })

  it('forgets an owner', async () => {
    const builder = createBuilder({ engine: countingEngine(), telemetry })
    await builder.build({ tree: fleet(1), ...app(0) })
    builder.forget('fleet/0')
    await builder.build({ tree: fleet(1, { 'README.md': 'x' }), ...app(0) })
    expect(builder.counts()).toEqual({ builds: 2, scans: 2, carried: 0 })
  })

  it('builds with the real engine what a user would expect', async () => {
    const builder = createBuilder({ engine: service, telemetry })
    const tree = fleet(1, { 'apps/0/comp/kustomization.yaml': 'apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nlabels: [{pairs: {from: component}}]\n' })
    const built = await builder.build({
      tree,
      spec: {
        path: './apps/0', targetNamespace: 'prod', nameSuffix: '-x', components: ['./comp', '../gone'], ignoreMissingComponents: true,
        patches: [{ patch: '- op: add\n  path: /data\n  value: {k: "v"}\n', target: { kind: 'ConfigMap', name: 'd' } }],
      },
    })
    expect(built.objects.map(({ json }) => JSON.parse(json) as unknown)).toEqual([
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a0-c-x', namespace: 'prod', labels: { from: 'component' } } },
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a0-d-x', namespace: 'prod', labels: { from: 'component' } }, data: { k: 'v' } },
    ])
  })

  it('builds a directory without a kustomization file, an empty one and one that lists nothing', async () => {
    const builder = createBuilder({ engine: service, telemetry })
    const tree = treeOf({ 'plain/b.yaml': configMap('b'), 'plain/a/z.yml': configMap('z'), 'plain/note.txt': 'x', 'none/readme.md': 'x', 'nil/kustomization.yaml': '# nothing\n' })
    const names = async (path: string, of = tree): Promise<unknown> =>
      (await builder.build({ tree: of, spec: { path } })).objects.map(({ json }) => (JSON.parse(json) as { metadata: { name: string } }).metadata.name)
    await expect(names('plain')).resolves.toEqual(['z', 'b'])
    await expect(names('none')).resolves.toEqual([])
    await expect(names('nil')).resolves.toEqual([])
    await expect(names('../../..', treeOf({ 'a.yaml': configMap('root') }))).resolves.toEqual(['root'])
  })

  it.each<readonly [string, Readonly<Record<string, string>>, BuildSpec, Partial<KustomizeError>]>([
    ['a path that is not there', {}, { path: './gone' }, { code: 'invalid-path' }],
    ['a path that is a file', { 'a.yaml': 'x' }, { path: 'a.yaml' }, { code: 'invalid-path' }],
    ['malformed YAML in the kustomization', { 'kustomization.yaml': 'a: b\nresources: [\n' }, {}, { code: 'input', file: 'kustomization.yaml', line: 3 }],
    ['malformed YAML in a nested resource', { 'kustomization.yaml': 'resources: [base]\n', 'base/kustomization.yaml': 'resources: [x.yaml]\n', 'base/x.yaml': 'kind: A\n  b: [\n' }, {}, { code: 'input', file: 'base/x.yaml', line: 2 }],
    ['an unknown field in a nested file', { 'kustomization.yaml': 'resources: [base]\n', 'base/kustomization.yaml': 'resurces: [x.yaml]\n' }, {}, { code: 'input', file: 'base/kustomization.yaml' }],
    ['a missing file', { 'kustomization.yaml': 'resources: [base]\n', 'base/kustomization.yaml': 'resources: [x.yaml]\n' }, {}, { code: 'missing', file: 'base/kustomization.yaml' }],
    ['an object without name', { 'plain/a.yaml': 'apiVersion: v1\nkind: ConfigMap\n' }, { path: 'plain' }, { code: 'input', file: 'plain/a.yaml' }],
    ['a duplicate object', { 'plain/a.yaml': configMap('c'), 'plain/b.yaml': configMap('c') }, { path: 'plain' }, { code: 'input', file: 'plain/b.yaml' }],
    ['a namespace that YAML 1.1 reads as false', { 'kustomization.yaml': 'namespace: n\n' }, {}, { code: 'input', file: 'kustomization.yaml' }],
    ['an alias bomb', { 'kustomization.yaml': `a0: &a0 [x,x]\n${Array.from({ length: 40 }, (_, n) => `a${n + 1}: &a${n + 1} [*a${n},*a${n}]\n`).join('')}` }, {}, { code: 'input', file: 'kustomization.yaml' }],
    ['deep nesting', { 'kustomization.yaml': `resources: ${'['.repeat(50_000)}` }, {}, { code: 'input', file: 'kustomization.yaml' }],
    ['a base that is a file beside two', { 'kustomization.yaml': 'a: 1\n', 'Kustomization': 'b: 1\n' }, {}, { code: 'input' }],
    ['a remote component of the spec', {}, { components: ['https://example.com/a//b'] }, { code: 'remote' }],
    ['an absolute component of the spec', {}, { components: ['/etc'] }, { code: 'escapes' }],
    ['a component of the spec out of the source', {}, { components: ['../../etc'] }, { code: 'escapes' }],
    ['a remote base', { 'kustomization.yaml': 'resources: ["https://user:hunter2secret@example.com/a/b"]\n' }, {}, { code: 'remote', file: 'kustomization.yaml' }],
  ])('refuses %s in words about the repository', async (...[, files, spec, expected]) => {
    const builder = createBuilder({ engine: service, telemetry })
    const error = await failure(builder.build({ tree: treeOf({ 'keep/x.yaml': 'x', ...files }), spec }))
    expect({ code: error.code, file: error.file, line: error.line }).toMatchObject(expected)
    expect(error.message).not.toMatch(/weir-view|\/tmp\/|hunter2secret/)
    if (error.file !== undefined) expect(error.message).toContain(error.file)
  })

  it('says that it was given up', async () => {
    const builder = createBuilder({ engine: service, telemetry })
    expect((await failure(builder.build({ tree: fleet(1), ...app(0), signal: AbortSignal.abort() }))).code).toBe('aborted')
  })
})
