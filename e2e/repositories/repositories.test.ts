import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { existsSync, readdirSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { faultsOf } from './directory.ts'
import { changed } from './incremental.ts'
import { runRepositories, type RunOptions } from './repository.ts'

const configMap = (name: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n`

/** One directory for each verdict. */
const files: Readonly<Record<string, string>> = {
  'plain/kustomization.yaml': 'resources: [c.yaml]\nconfigMapGenerator: [{name: g, files: [b.txt]}]\nnamePrefix: p-\n',
  'plain/c.yaml': configMap('c'), 'plain/b.txt': 'b\n', 'plain/notes.md': 'nobody reads this\n',
  'unrestricted/kustomization.yaml': 'resources: [../plain/c.yaml]\n',
  'origins/Kustomization': 'configMapGenerator:\n- name: g\n  literals: [a=b]\n',
  'lenient/kustomization.yaml': 'resources: [c.yaml]\nflavour:\n  of: the week\n', 'lenient/c.yaml': configMap('c'),
  'missing/kustomization.yaml': 'resources: [gone.yaml]\n',
  'broken/kustomization.yaml': 'resources: [c.yaml]\n', 'broken/c.yaml': 'kind: [\n',
  'plugin/kustomization.yaml': 'resources: [../plain]\ntransformers: [t.yaml]\n', 'plugin/t.yaml': 'apiVersion: example.com/v1\nkind: Dater\nmetadata: {name: d}\n',
  'remote/kustomization.yaml': 'resources: ["https://127.0.0.1:1/base?ref=v1"]\n',
  'link/kustomization.yaml': 'resources: [c.yaml]\n', 'link/real.yaml': configMap('c'),
}

/** The official command is built with Go, once, and every build is a process: a busy machine takes its time. */
const limitMs = 300_000

let root = ''
let checkout = ''
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'weir-test-'))
  checkout = path.join(root, 'made-up')
  for (const [name, content] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(checkout, name)), { recursive: true })
    await writeFile(path.join(checkout, name), content)
  }
  await symlink('real.yaml', path.join(checkout, 'link/c.yaml'))
  await mkdir(path.join(checkout, 'linked-file'))
  await symlink('../plain/kustomization.yaml', path.join(checkout, 'linked-file/kustomization.yaml'))
})
afterAll(() => rm(root, { recursive: true, force: true }))

const leftovers = (): readonly string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('weir-repositories-'))

const run = (directories: readonly string[], more: Partial<RunOptions> = {}) => {
  const told: string[] = []
  const options = { seed: '1', signal: new AbortController().signal, onProgress: (line: string) => void told.push(line), ...more }
  return runRepositories(directories, options).then((results) => ({ results, told: told.join('\n') }))
}

describe('the runner', () => {
  it('finds what is equal, refused, remote and broken in a made-up checkout', async () => {
    const before = leftovers()
    const { results, told } = await run([checkout])
    expect(told).not.toContain('DIFFERS')
    expect(results).toEqual([{
      repository: 'made-up', commit: expect.stringMatching(/^([0-9a-f]{40}|none)$/), directories: 10,
      equal: 4, equalAsFlux: { unrestricted: 1, 'origins of an empty top file': 1, 'unknown fields dropped': 1 },
      bothFailed: 3, failedBy: { input: 2, missing: 1 }, refused: { 'a link': 1, 'the kustomization file is a link': 1 }, remote: 1, differs: 0,
      edits: 8, engineBuilds: expect.any(Number), warmEngineBuilds: 0,
    }])
    expect(leftovers()).toEqual(before)
  }, limitMs)

  it('leaves nothing when it is stopped', async () => {
    const before = leftovers()
    const stopping = new AbortController()
    const running = run([checkout], { signal: stopping.signal, onProgress: () => stopping.abort(new Error('stopped')) })
    await expect(running).rejects.toThrow()
    expect(leftovers()).toEqual(before)
  }, limitMs)

  const fleet = path.join(import.meta.dirname, '../../../shared/fixtures/fleet-example')
  const onFleet = existsSync(fleet) ? it : it.skip
  onFleet('finds no difference in fleet-example, which is built only (skipped without ../shared/fixtures)', async () => {
    const { results, told } = await run([fleet])
    expect(told).not.toContain('DIFFERS')
    expect(results[0]?.equal).toBeGreaterThan(3)
    expect(results[0]?.differs).toBe(0)
  }, limitMs)
})

describe('an error', () => {
  const error = { kind: 'failed', code: 'input', line: undefined } as const
  it.each([
    ['that names its file', { message: 'plain/c.yaml: broken', file: 'plain/c.yaml' }, 0],
    ['without a file', { message: 'broken', file: undefined }, 1],
    ['with a file that is not there', { message: 'x.yaml: broken', file: 'x.yaml' }, 1],
    ['that names the place of a build', { message: 'plain/c.yaml: /weir-view/plain is broken', file: 'plain/c.yaml' }, 1],
    ['that names a temporary directory', { message: `plain/c.yaml: ${tmpdir()}/weir-1/x`, file: 'plain/c.yaml' }, 1],
  ])('%s', (_name, told, count) => {
    expect(faultsOf({ ...error, ...told }, { root: checkout })).toHaveLength(count)
  })
})

describe('an edit', () => {
  it.each([
    ['a/kustomization.yaml', 'resources: []\n', 'commonAnnotations'],
    ['a/c.yaml', configMap('c'), '  finalizers: [weir.dev/edited]\n  name: c'],
    ['a/b.txt', 'b', 'edited'],
  ])('of %s shows', (file, text, shown) => {
    expect(changed(file, text)).toContain(shown)
  })
})
