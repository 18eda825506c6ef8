import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { CORE_SCHEMA, defineScalarTag, load, NOT_RESOLVED } from 'js-yaml'
import { quietTelemetry } from '@weir/shared/telemetry'
import { createKubectlEngine, createKustomizeService, EngineError, kubectlBinary, kustomizeEngineBinary } from './index.ts'
import type { Engine, View } from './index.ts'

const telemetry = quietTelemetry()
const limits = { deadlineMs: 30_000 }
let temp = ''
beforeAll(async () => { temp = await mkdtemp(path.join(tmpdir(), 'weir-engine-')) })
afterAll(async () => { await rm(temp, { recursive: true, force: true }) })

/** Numbers stay as they are written. */
const numberTag = defineScalarTag<unknown>('tag:yaml.org,2002:int', {
  implicit: true,
  resolve: (source) => (/^-?[0-9]+$/.test(source) ? (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(source) : NOT_RESOLVED),
  identify: () => false,
})
const toJson = (yaml: string): string => JSON.stringify(load(yaml, { schema: CORE_SCHEMA.withTags(numberTag) }))

const engines: readonly (readonly [string, () => Promise<Engine>])[] = [
  ['the service', async () => createKustomizeService({ binary: await kustomizeEngineBinary(), telemetry, processes: 2 })],
  ['kubectl', async () => createKubectlEngine({ kubectl: await kubectlBinary(), temp: path.join(temp, 'builds'), toJson, telemetry, memoryBytes: 256 * 1024 * 1024 })],
]

function view(files: Readonly<Record<string, unknown>>, at = '', more: Partial<View> = {}): View {
  const encoded = Object.entries(files).map(([name, content]) => [name, Buffer.from(typeof content === 'string' ? content : JSON.stringify(content))] as const)
  return { files: new Map(encoded), path: at, ownProcess: false, ...more }
}

const configMap = (name: string, data = ''): string => `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata:\n  key: "${data}"\n`

async function failure(promise: Promise<unknown>): Promise<EngineError> {
  const error = await promise.then(() => undefined, (thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(EngineError)
  return error as EngineError
}

describe.each(engines)('the engine contract on %s', (_name, create) => {
  let engine: Engine
  beforeAll(async () => { engine = await create() })
  afterAll(async () => {
    await engine.close()
    expect(engine.pids()).toEqual([])
  })

  it('keeps the order of the files, numbers as written and Go\'s key order', async () => {
    const objects = await engine.build(view({
      'app/kustomization.yaml': { resources: ['z.yaml', 'a.yaml'], namespace: 'prod' },
      'app/z.yaml': 'kind: Thing\napiVersion: example.com/v1\nspec:\n  z: 1\n  big: 12345678901234567890\nmetadata: {name: t}\n',
      'app/a.yaml': 'apiVersion: v1\nkind: Namespace\nmetadata: {name: prod}\n',
    }, 'app'), limits)
    expect(objects.map(({ json }) => json)).toEqual([
      '{"apiVersion":"example.com/v1","kind":"Thing","metadata":{"name":"t","namespace":"prod"},"spec":{"big":12345678901234567890,"z":1}}',
      '{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"prod"}}',
    ])
    expect(objects[0]?.yaml).toBe('apiVersion: example.com/v1\nkind: Thing\nmetadata:\n  name: t\n  namespace: prod\nspec:\n  big: 12345678901234567890\n  z: 1\n')
  })

  it('follows bases outside its own directory and counts builds', async () => {
    const before = engine.builds()
    const objects = await engine.build(view({
      'overlays/dev/kustomization.yaml': { resources: ['../../base'], namePrefix: 'dev-' },
      'base/kustomization.yaml': { resources: ['c.yaml'], configMapGenerator: [{ name: 'g', files: ['note.txt', 'raw=blob.bin'], options: { disableNameSuffixHash: true } }] },
      'base/c.yaml': configMap('c'),
      'base/note.txt': 'note\n',
      'base/blob.bin': 'blob',
    }, 'overlays/dev'), limits)
    expect(objects.map(({ json }) => (JSON.parse(json) as { metadata: { name: string } }).metadata.name)).toEqual(['dev-c', 'dev-g'])
    expect(engine.builds()).toBe(before + 1)
  })

  it.each(['-h', '--enable-helm', '--load-restrictor=LoadRestrictionsNone'])('takes %s for a folder and not for an option', async (folder) => {
    const objects = await engine.build(view({
      [`${folder}/kustomization.yaml`]: { resources: ['-o.yaml', '../--base'] },
      [`${folder}/-o.yaml`]: configMap('own'),
      '--base/kustomization.yaml': { resources: ['--.yaml'] },
      '--base/--.yaml': configMap('base'),
    }, folder), limits)
    expect(objects.map(({ json }) => (JSON.parse(json) as { metadata: { name: string } }).metadata.name)).toEqual(['own', 'base'])
  })

  it('carries files that are no text', async () => {
    const files = new Map<string, Uint8Array>([
      ['kustomization.yaml', Buffer.from(JSON.stringify({ configMapGenerator: [{ name: 'g', files: ['blob.bin'], options: { disableNameSuffixHash: true } }] }))],
      ['blob.bin', Uint8Array.of(0xff, 0xfe, 0x00, 0x80)],
    ])
    const [object] = await engine.build({ files, path: '', ownProcess: false }, limits)
    expect(JSON.parse(object?.json ?? '')).toMatchObject({ binaryData: { 'blob.bin': '//4AgA==' } })
  })

  it('answers an empty build with no objects', async () => {
    await expect(engine.build(view({ 'kustomization.yaml': { namespace: '_placeholder' } }), limits)).resolves.toEqual([])
  })

  it('lets a custom schema add to the built-in one, and forgets it afterwards', async () => {
    const definitions = { definitions: { 'v1.Thing': {
      properties: { spec: { properties: { parts: { type: 'array', items: { type: 'object' }, 'x-kubernetes-patch-merge-key': 'name', 'x-kubernetes-patch-strategy': 'merge' } } } },
      'x-kubernetes-group-version-kind': [{ group: 'example.com', version: 'v1', kind: 'Thing' }],
    } } }
    const thing = (part: string): unknown => ({ apiVersion: 'example.com/v1', kind: 'Thing', metadata: { name: 't' }, spec: { parts: [{ name: part }] } })
    const deployment = (container: string): unknown => ({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd' }, spec: { template: { spec: { containers: [{ name: container, image: 'i' }] } } } })
    const files = {
      'schema.json': definitions, 'thing.yaml': thing('a'), 'thing-patch.yaml': thing('b'), 'deployment.yaml': deployment('a'), 'deployment-patch.yaml': deployment('b'),
    }
    const top = { resources: ['thing.yaml', 'deployment.yaml'], patches: [{ path: 'thing-patch.yaml' }, { path: 'deployment-patch.yaml' }] }
    const names = (json: string | undefined): number => [...(json ?? '').matchAll(/"name":"[ab]"/g)].length
    const custom = await engine.build(view({ ...files, 'kustomization.yaml': { ...top, openapi: { path: 'schema.json' } } }, '', { ownProcess: true }), limits)
    expect(custom.map(({ json }) => names(json))).toEqual([2, 2])
    const plain = await engine.build(view({ ...files, 'kustomization.yaml': top }), limits)
    expect(plain.map(({ json }) => names(json))).toEqual([1, 2])
  })

  it.each<readonly [string, Readonly<Record<string, unknown>>, Partial<EngineError>]>([
    ['a missing file', { 'app/kustomization.yaml': { resources: ['gone.yaml'] } }, { code: 'missing', file: 'app/gone.yaml' }],
    ['malformed YAML', { 'app/kustomization.yaml': { resources: ['bad.yaml'] }, 'app/bad.yaml': 'a: b\n  c: [\n' }, { code: 'input', file: 'app/bad.yaml', line: 2 }],
    ['malformed YAML in a base', { 'app/kustomization.yaml': { resources: ['../base'] }, 'base/kustomization.yaml': { resources: ['bad.yaml'] }, 'base/bad.yaml': 'a: b\n  c: [\n' }, { code: 'input', file: 'base/bad.yaml', line: 2 }],
    ['an object without name', { 'app/kustomization.yaml': { resources: ['a.yaml'] }, 'app/a.yaml': 'apiVersion: v1\nkind: ConfigMap\n' }, { code: 'input', file: 'app/a.yaml' }],
    ['a duplicate object', { 'app/kustomization.yaml': { resources: ['a.yaml', 'b.yaml'] }, 'app/a.yaml': configMap('c'), 'app/b.yaml': configMap('c') }, { code: 'input', file: 'app/b.yaml' }],
    ['a patch without target', { 'app/kustomization.yaml': { resources: ['a.yaml'], patches: [{ path: 'p.yaml' }] }, 'app/a.yaml': configMap('c'), 'app/p.yaml': configMap('other') }, { code: 'input', file: 'app/kustomization.yaml' }],
    ['a field of the wrong type', { 'app/kustomization.yaml': { namespace: false } }, { code: 'input', file: 'app/kustomization.yaml' }],
    ['a base without kustomization', { 'app/kustomization.yaml': { resources: ['../base'] }, 'base/a.yaml': configMap('c') }, { code: 'missing' }],
    ['a cycle', { 'app/kustomization.yaml': { resources: ['../app'] } }, { code: 'input', file: 'app/kustomization.yaml' }],
  ])('says of %s which file it is, and no temporary path', async (_case, files, expected) => {
    const error = await failure(engine.build(view(files, 'app'), limits))
    expect({ code: error.code, file: error.file, line: error.line }).toMatchObject(expected)
    expect(error.message).not.toMatch(/weir-view|weir-engine|\/tmp\//)
    const again = await failure(engine.build(view(files, 'app'), limits))
    expect(again.message).toBe(error.message)
  })

  it('says the same of the same failure, though kustomize prints addresses of its memory', async () => {
    const broken = view({ 'kustomization.yaml': { configMapGenerator: [{ name: 'gone', behavior: 'merge', literals: ['a=b'] }] } })
    const [first, again] = [await failure(engine.build(broken, limits)), await failure(engine.build(broken, limits))]
    expect(first).toMatchObject({ code: 'input', file: 'kustomization.yaml' })
    expect(first.message).not.toMatch(/0x[0-9a-f]+/)
    expect(again.message).toBe(first.message)
  })

  it('names the file of a build on which kustomize panics, and builds on', async () => {
    const files = { 'app/d.yaml': 'apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: nginx}]}\n' }
    const panics = view({ ...files, 'app/kustomization.yaml': { resources: ['d.yaml'], images: [{ name: '[', newTag: 'v2' }] } }, 'app')
    const error = await failure(engine.build(panics, limits))
    expect(error).toMatchObject({ code: 'input', file: 'app/kustomization.yaml', message: 'kustomize panics on these files: runtime error: invalid memory address or nil pointer dereference' })
    expect(await engine.build(view({ ...files, 'app/kustomization.yaml': { resources: ['d.yaml'] } }, 'app'), limits)).toHaveLength(1)
  })

  it('does not repeat the content of files and literals in errors', async () => {
    const canary = 'canary-0451'
    const cases = [
      { secretGenerator: [{ name: 's', literals: [canary] }] },
      { secretGenerator: [{ name: 's', literals: [`password=${canary}`, `password=${canary}`] }] },
      { patches: [{ patch: `- ${canary}` }] },
      { patches: [{ patch: canary, path: 'x' }] },
      { transformers: [`apiVersion: builtin\nkind: SecretGenerator\nmetadata: {name: x}\nliterals: [${canary}]\n`] },
    ]
    for (const kustomization of cases) {
      const error = await failure(engine.build(view({ 'kustomization.yaml': kustomization }), limits))
      expect(error.message).not.toContain(canary)
    }
  })

  it('runs no program and clones nothing', async () => {
    for (const reference of ['file:///tmp/x/y', 'ssh://git@127.0.0.1/a/b', 'git@127.0.0.1:a/b.git']) {
      const error = await failure(engine.build(view({ 'kustomization.yaml': { resources: [reference] } }), limits))
      expect(error.code).toBe('security')
    }
  })

  it('takes a view that climbs out as one that names what is not there', async () => {
    const error = await failure(engine.build(view({ 'app/kustomization.yaml': { resources: ['../../../../nowhere/at/all.yaml'] } }, 'app'), limits))
    expect(error.code).toBe('missing')
  })

  it('fails one build that needs too much memory, and builds on', async () => {
    const levels = 40
    const files: Record<string, unknown> = { 'l0/kustomization.yaml': { resources: ['c.yaml'] }, 'l0/c.yaml': configMap('c') }
    for (let level = 1; level <= levels; level += 1) {
      for (const side of ['a', 'b']) files[`l${level}${side}/kustomization.yaml`] = { nameSuffix: `-${side}`, resources: level === 1 ? ['../l0'] : [`../l${level - 1}a`, `../l${level - 1}b`] }
    }
    files['app/kustomization.yaml'] = { resources: [`../l${levels}a`, `../l${levels}b`] }
    const error = await failure(engine.build(view(files, 'app'), { deadlineMs: 3_000 }))
    expect(['resource', 'deadline']).toContain(error.code)
    await expect(engine.build(view({ 'kustomization.yaml': { resources: ['c.yaml'] }, 'c.yaml': configMap('c') }), limits)).resolves.toHaveLength(1)
  })

  it('survives an alias bomb in a resource file', async () => {
    let bomb = 'a0: &a0 [x,x]\n'
    for (let level = 1; level < 60; level += 1) bomb += `a${level}: &a${level} [*a${level - 1},*a${level - 1}]\n`
    const error = await failure(engine.build(view({ 'kustomization.yaml': { resources: ['bomb.yaml'] }, 'bomb.yaml': `apiVersion: v1\nkind: X\nmetadata: {name: x}\n${bomb}` }), { deadlineMs: 5_000 }))
    expect(['resource', 'deadline', 'input']).toContain(error.code)
    await expect(engine.build(view({ 'kustomization.yaml': { namespace: 'x' } }), limits)).resolves.toEqual([])
  })

  it('gives up when the signal fires, running or waiting', async () => {
    const files: Record<string, unknown> = { 'kustomization.yaml': { resources: Array.from({ length: 1_500 }, (_, at) => `${at}.yaml`), namePrefix: 'p-' } }
    for (let at = 0; at < 1_500; at += 1) files[`${at}.yaml`] = configMap(`c${at}`)
    const long = view(files)
    const stop = new AbortController()
    const builds = Array.from({ length: 6 }, () => failure(engine.build(long, { deadlineMs: 60_000, signal: stop.signal })))
    setTimeout(() => stop.abort(new Error('superseded')), 50)
    for (const error of await Promise.all(builds)) expect(error.code).toBe('aborted') // and none of them built to its end first
    const gone = await failure(engine.build(long, { ...limits, signal: stop.signal }))
    expect(gone.code).toBe('aborted')
  })

  it('does many builds at once', async () => {
    const many = await Promise.all(Array.from({ length: 12 }, (_, at) => engine.build(view({ 'kustomization.yaml': { resources: ['c.yaml'] }, 'c.yaml': configMap(`c${at}`) }), limits)))
    expect(many.map(([object]) => object?.json.includes('ConfigMap'))).toEqual(Array.from({ length: 12 }, () => true))
  })
})

describe('the service', () => {
  const create = async (more: { readonly processes?: number; readonly idleMs?: number } = {}): Promise<Engine> =>
    createKustomizeService({ binary: await kustomizeEngineBinary(), telemetry, ...more })
  const small = view({ 'kustomization.yaml': { resources: ['c.yaml'] }, 'c.yaml': configMap('c') })

  it('starts no process before the first build and ends them when idle', async () => {
    const engine = await create({ idleMs: 100 })
    expect(engine.pids()).toEqual([])
    await engine.build(small, limits)
    expect(engine.pids()).toHaveLength(1)
    for (let tries = 0; engine.pids().length > 0 && tries < 100; tries += 1) await new Promise((resolve) => setTimeout(resolve, 50))
    expect(engine.pids()).toEqual([])
    await expect(engine.build(small, limits)).resolves.toHaveLength(1)
    await engine.close()
  })

  it('keeps a process from build to build, but none that saw a custom schema', async () => {
    const engine = await create({ processes: 1 })
    await engine.build(small, limits)
    const [pid] = engine.pids()
    await engine.build(small, limits)
    expect(engine.pids()).toEqual([pid])
    await engine.build({ ...small, ownProcess: true }, limits)
    await engine.build(small, limits)
    expect(engine.pids()).not.toContain(pid)
    await engine.close()
  })

  it('sends to a fresh process what was queued behind one that is killed', async () => {
    const engine = await create({ processes: 1 })
    await engine.build(small, limits)
    const slow: Record<string, unknown> = { 'kustomization.yaml': { resources: Array.from({ length: 800 }, (_, at) => `${at}.yaml`), namePrefix: 'p-' } }
    for (let at = 0; at < 800; at += 1) slow[`${at}.yaml`] = configMap(`c${at}`)
    const first = failure(engine.build(view(slow), limits))
    const second = engine.build(small, limits)
    const [pid = 0] = engine.pids()
    process.kill(pid, 'SIGKILL')
    expect((await first).code).toBe('resource')
    await expect(second).resolves.toHaveLength(1)
    expect(engine.pids()).not.toContain(pid)
    await engine.close()
  })

  it('fails running and waiting builds when it closes, and leaves nothing', async () => {
    const engine = await create({ processes: 1 })
    const builds = Array.from({ length: 3 }, () => failure(engine.build(small, limits)))
    const pids = engine.pids()
    await engine.close()
    for (const error of await Promise.all(builds)) expect(error.code).toBe('aborted')
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH')
    expect((await failure(engine.build(small, limits))).code).toBe('aborted')
  })

  it('ends in the middle of a build when the controller is killed', async () => {
    const script = `
      import { createKustomizeService } from '${path.join(import.meta.dirname, 'index.ts')}'
      import { quietTelemetry } from '${path.join(import.meta.dirname, '../telemetry/index.ts')}'
      const engine = createKustomizeService({ binary: process.argv[1], telemetry: quietTelemetry() })
      const files = new Map([['kustomization.yaml', Buffer.from(JSON.stringify({ namePrefix: 'p-', resources: Array.from({ length: 4000 }, (_, n) => n + '.yaml') }))]])
      for (let n = 0; n < 4000; n += 1) files.set(n + '.yaml', Buffer.from('{apiVersion: v1, kind: ConfigMap, metadata: {name: c' + n + '}}'))
      engine.build({ files, path: '', ownProcess: false }, { deadlineMs: 600000 }).catch(() => undefined)
      setTimeout(() => console.log(engine.pids()[0]), 300)
    `
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script, await kustomizeEngineBinary()], { cwd: import.meta.dirname, stdio: ['ignore', 'pipe', 'inherit'] })
    const [text] = (await once(parent.stdout.setEncoding('utf8'), 'data')) as [string]
    const pid = Number(text)
    expect(() => process.kill(pid, 0)).not.toThrow()
    parent.kill('SIGKILL')
    await expect(untilGone(pid)).resolves.toBe(true)
  })

  it('says so where the binary is none', async () => {
    const engine = createKustomizeService({ binary: path.join(temp, 'nothing'), telemetry })
    expect((await failure(engine.build(small, limits))).code).toBe('unavailable')
    await engine.close()
  })

  it('refuses a view over the bound of a frame', async () => {
    const engine = await create()
    const files = new Map<string, Uint8Array>([['big', Buffer.alloc(65 * 1024 * 1024)]])
    expect((await failure(engine.build({ files, path: '', ownProcess: false }, limits))).code).toBe('resource')
    await expect(engine.build(small, limits)).resolves.toHaveLength(1)
    await engine.close()
  })

  it('asks no server', async () => {
    let asked = 0
    const server = createServer((_request, response) => { asked += 1; response.end(configMap('c')) }).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as AddressInfo
    const engine = await create()
    for (const field of ['resources', 'crds', 'configurations', 'transformers', 'components']) {
      const error = await failure(engine.build(view({ 'kustomization.yaml': { [field]: [`http://127.0.0.1:${port}/a/b.yaml`] } }), limits))
      expect(error.code).toBe('security')
    }
    await engine.close()
    server.close()
    expect(asked).toBe(0)
  })
})

/** A zombie that nobody reaps in this container counts as gone. */
async function untilGone(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 100; tries += 1) {
    const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z ')
    if (status.includes(') Z ')) return true
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return false
}

describe('kubectl', () => {
  it('refuses to write decrypted files to a disk', async () => {
    const engine = createKubectlEngine({ kubectl: '/nonexistent', temp, toJson: (yaml) => yaml, telemetry })
    expect((await failure(engine.build(view({}, '', { secret: true }), limits))).code).toBe('security')
    await engine.close()
  })

  it('leaves no files behind', async () => {
    const directory = path.join(temp, 'left')
    const engine = createKubectlEngine({ kubectl: await kubectlBinary(), temp: directory, toJson: (yaml) => yaml, telemetry })
    await engine.build(view({ 'kustomization.yaml': { namespace: 'n' } }), limits)
    await failure(engine.build(view({ 'kustomization.yaml': { resources: ['gone'] } }), limits))
    expect(await readdir(directory)).toEqual([])
    await engine.close()
  })
})
