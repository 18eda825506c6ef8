import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { apiVersionOf, gitRepositoryKind, kustomizationKind, type Condition, type Kind } from '@weir/shared/api'
import type { KubeObject } from '@weir/shared/kube'
import { startGitServer, type GitServer, type TestFile } from '@weir/shared/testing'
import { readPublicTexts } from './aftermath.ts'
import { applyAs, readKustomization, readRepository, readyOf, until, untilApplied } from './fleet.ts'
import { configMap, kustomizationOf, namespace, startFlow, type Flow, type FlowRepository } from './flow.ts'
import { dashedBuilds, dashedFiles, dashedRefusals, optionSources, type Surroundings } from './hostile-options.ts'
import { findCanaries } from './invariants.ts'

// What an attacker, or a tired colleague, can put into Git and into objects: one row a class. Everything is there at the same time, and a
// good Kustomization beside it converges all the while.

const configMaps: Kind = { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true }
const definitions: Kind = { group: 'apiextensions.k8s.io', version: 'v1', kind: 'CustomResourceDefinition', plural: 'customresourcedefinitions', namespaced: false }

/** A file outside of every repository, whose content must not get out. */
const outside = { canary: 'canary-70a9d7b4-outside', dir: '' }

interface HostileFolder {
  readonly what: string
  readonly files?: Readonly<Record<string, TestFile>>
  readonly spec?: Readonly<Record<string, unknown>>
  readonly reason: string
  readonly says: RegExp
}

const kustomization = (...lines: readonly string[]): Readonly<Record<string, string>> => ({ 'kustomization.yaml': `${lines.join('\n')}\n`, 'map.yaml': configMap('hostile', {}) })
const bomb = ['a: &a [x,x,x,x,x,x,x,x,x]', ...'bcdefghij'.split('').map((name, at) => `${name}: &${name} [${Array(9).fill(`*${'abcdefghi'[at]}`).join(',')}]`)].join('\n')
const manifest = (body: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: hostile, namespace: ${namespace}}\n${body}\n`

const folders: readonly HostileFolder[] = [
  { what: 'a path that is not there', spec: { path: './nowhere' }, reason: 'ArtifactFailed', says: /nowhere/ },
  { what: 'a path that leads out', spec: { path: '../../../../../../etc' }, reason: 'ArtifactFailed', says: /etc/ },
  { what: 'an absolute path', spec: { path: '/etc/kubernetes' }, reason: 'ArtifactFailed', says: /etc\/kubernetes/ },
  { what: 'a path that is a file', files: { 'file.yaml': 'x' }, spec: { path: './a-path-that-is-a-file/file.yaml' }, reason: 'ArtifactFailed', says: /file\.yaml/ },
  { what: 'a resource that leads out', files: kustomization('resources: [../../../../../../../../etc/passwd]'), reason: 'BuildFailed', says: /etc\/passwd/ },
  { what: 'an absolute resource', files: kustomization('resources: [/etc/passwd]'), reason: 'BuildFailed', says: /etc\/passwd/ },
  { what: 'a generator file that leads out', files: kustomization('configMapGenerator: [{name: hostile, files: ["x=../../../../../../etc/passwd"]}]'), reason: 'BuildFailed', says: /etc\/passwd/ },
  { what: 'an env file that leads out', files: kustomization('secretGenerator: [{name: hostile, envs: [/etc/passwd]}]'), reason: 'BuildFailed', says: /etc\/passwd/ },
  { what: 'a patch that leads out', files: kustomization('resources: [map.yaml]', 'patches: [{path: /etc/passwd}]'), reason: 'BuildFailed', says: /etc\/passwd/ },
  { what: 'a component that leads out', files: kustomization('components: [../../../../../../etc]'), reason: 'BuildFailed', says: /etc/ },
  { what: 'a chart', files: kustomization('helmCharts: [{name: x, repo: "https://charts.example.com"}]'), reason: 'BuildFailed', says: /helm/i },
  { what: 'a plugin that runs a program', files: { ...kustomization('generators: [plugin.yaml]'), 'plugin.yaml': 'apiVersion: x/v1\nkind: Exec\nmetadata: {name: x, annotations: {config.kubernetes.io/function: "exec: {path: /bin/sh}"}}\n' }, reason: 'BuildFailed', says: /plugin|generator|function/i },
  { what: 'a remote base', files: kustomization('resources: ["https://github.com/x/y//z?ref=v1"]'), reason: 'NotSupported', says: /github\.com/ },
  { what: 'a base at a link-local address', files: kustomization('resources: ["http://169.254.169.254/latest/meta-data"]'), reason: 'NotSupported', says: /169\.254\.169\.254/ },
  { what: 'an alias bomb in a kustomization', files: { 'kustomization.yaml': `${bomb}\nresources: []\n` }, reason: 'BuildFailed', says: /alias|anchor/i },
  { what: 'an alias bomb in a manifest', files: { 'map.yaml': manifest(bomb) }, reason: 'BuildFailed', says: /map\.yaml: .*aliasing/ },
  { what: 'nesting without end', files: { 'map.yaml': manifest(`x: ${'['.repeat(20_000)}`) }, reason: 'BuildFailed', says: /map\.yaml/ },
  { what: 'a file that is no YAML', files: { 'map.yaml': 'a: b: c:\n\t- {' }, reason: 'BuildFailed', says: /map\.yaml/ },
  { what: 'a substitution without end', files: { 'map.yaml': configMap('hostile', { x: `\${a${':-${a'.repeat(5_000)}` }) }, spec: { postBuild: { substitute: { b: '1' } } }, reason: 'BuildFailed', says: /post build failed|substitut|variable/i },
  { what: 'an invalid overlay', files: kustomization('resources: [map.yaml]', 'patches: [{path: missing-patch.yaml}]'), reason: 'BuildFailed', says: /missing-patch\.yaml/ },
  { what: 'an object without a name', files: { 'map.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n' }, reason: 'BuildFailed', says: /name/ },
  { what: 'a namespace that does not exist', files: { 'map.yaml': configMap('hostile', {}, 'no-such-namespace') }, reason: 'ReconciliationFailed', says: /no-such-namespace/ },
  { what: 'a duplicate object', files: { 'a.yaml': configMap('hostile', { a: '1' }), 'b.yaml': configMap('hostile', { a: '2' }) }, reason: 'BuildFailed', says: /hostile/ },
  { what: 'a kind that nobody has', files: { 'x.yaml': 'apiVersion: example.com/v1\nkind: Nobody\nmetadata: {name: x}\n' }, reason: 'ReconciliationFailed', says: /Nobody/ },
  { what: 'a name that is a path', files: { 'x.yaml': configMap('../../../api/v1/namespaces/kube-system', {}) }, reason: 'ReconciliationFailed', says: /kube-system/ },
]

const nameOf = (what: string): string => what.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')

const marker = (): string => path.join(outside.dir, 'ran')

describe('hostile input through Git', () => {
  let flow: Flow
  let poison: FlowRepository
  let good: FlowRepository
  let ssh: GitServer
  const program = (): string => path.join(outside.dir, 'program')
  const last: { commit: string } = { commit: '' }

  beforeAll(async () => {
    outside.dir = await mkdtemp(path.join(tmpdir(), 'weir-outside-'))
    await writeFile(path.join(outside.dir, 'secret.yaml'), configMap('from-outside', { canary: outside.canary }))
    flow = await startFlow({ fleet: 'api' })
    const { kube } = flow.platform
    const files = folders.flatMap(({ what, files: own = {} }) => Object.entries(own).map(([name, file]) => [`${nameOf(what)}/${name}`, file] as const))
    ;[poison, good] = [await flow.repository('poison', { files: { 'README.md': 'poison', ...Object.fromEntries(files) } }), await flow.repository('good', { files: { 'map.yaml': configMap('good', { value: 'one' }) } })]
    for (const { what, spec } of folders) await applyAs(kube, kustomizationOf(nameOf(what), poison.named, { path: `./${nameOf(what)}`, ...spec }))
    await writeFile(program(), `#!/bin/sh\ntouch ${marker()}\n`, { mode: 0o755 })
    ssh = await startGitServer({ transport: 'ssh' })
    const around = { program: program(), url: (await ssh.createRepository('good', { 'README.md': 'good' })).url, server: ssh.url }
    await applyAs(kube, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'ssh', namespace }, data: ssh.secret } as KubeObject)
    for (const { what, spec } of [...optionSources, goodOverSsh]) await applyAs(kube, sourceOf(nameOf(what), { secretRef: { name: 'ssh' }, ...spec(around) }))
    await applyAs(kube, kustomizationOf('good', good.named))
    await Promise.all([flow.start('source-controller'), flow.start('kustomize-controller')])
  })
  afterAll(async () => {
    await flow?.stop()
    await ssh?.close()
    await rm(outside.dir, { recursive: true, force: true })
  })

  const goodOverSsh = { what: 'good over ssh', spec: ({ url }: Surroundings) => ({ url, ref: { branch: 'main' } }) }
  const sourceOf = (name: string, spec: Readonly<Record<string, unknown>>): KubeObject => ({ apiVersion: apiVersionOf(gitRepositoryKind), kind: 'GitRepository', metadata: { name, namespace }, spec: { interval: '1h', timeout: '10s', ...spec } })

  /** Refused for this reason and in these words, and not for any other. */
  const untilRefused = (what: string, { reason, says }: Pick<HostileFolder, 'reason' | 'says'>, look: () => Promise<Condition | undefined>): Promise<Condition> => {
    const state: { seen?: Condition | undefined } = {}
    const refused = async (): Promise<Condition | undefined> => {
      state.seen = await look()
      return state.seen?.status === 'False' && state.seen.reason === reason && says.test(state.seen.message) ? state.seen : undefined
    }
    return until(`${what} is refused with ${reason} and ${says.source}`, refused, { timeoutMs: 30_000, seen: () => state.seen })
  }
  const readyOfKustomization = async (name: string): Promise<Condition | undefined> => readyOf(await readKustomization(flow.platform.kube, { namespace, name }))
  const readyOfSource = async (name: string): Promise<Condition | undefined> => readyOf(await readRepository(flow.platform.kube, { namespace, name }))
  const names = async (): Promise<readonly string[]> => (await flow.platform.kube.list(configMaps, { namespace })).items.map(({ metadata }) => metadata.name)

  it.each(folders)('refuses $what, and says so', async ({ what, ...verdict }) => {
    const condition = await untilRefused(what, verdict, () => readyOfKustomization(nameOf(what)))
    expect(condition.message).not.toContain(flow.platform.dir)
    expect(condition.message.length).toBeLessThan(4_096)
  })

  describe('options', () => {
    it.each(optionSources)('refuses $what, and runs nothing', async ({ what, ...verdict }) => {
      await untilRefused(what, verdict, () => readyOfSource(nameOf(what)))
      expect(existsSync(marker())).toBe(false)
    })

    it('are all that is wrong with these: their login is good, and their server was asked for two paths and nothing else', async () => {
      await until('it is fetched', async () => ((await readyOfSource(nameOf(goodOverSsh.what)))?.status === 'True' ? true : undefined))
      expect([...new Set(ssh.requests().map((request) => request.path))].sort()).toEqual([`git-upload-pack '/--upload-pack=${program()}'`, `git-upload-pack '/good.git'`])
    })

    it('as names of folders and files are names', async () => {
      const { kube } = flow.platform
      const repository = await flow.repository('dashes', { files: dashedFiles(path.join(outside.dir, 'secret.yaml')) })
      const named = (at: string): string => `dash${nameOf(at)}`
      for (const { path: at } of [...dashedBuilds, ...dashedRefusals]) await applyAs(kube, kustomizationOf(named(at), repository.named, { path: at }))
      for (const { path: at, maps } of dashedBuilds) {
        await untilApplied(kube, { namespace, name: named(at) }, await repository.remote.resolve('main'))
        for (const [name, expected] of Object.entries(maps)) expect([name, (await kube.get({ resource: configMaps, namespace, name }))?.['data']]).toEqual([name, expected])
      }
      for (const { path: at, says } of dashedRefusals) await untilRefused(at, { reason: 'BuildFailed', says }, () => readyOfKustomization(named(at)))
    })
  })

  it.each(['ext::sh -c id', 'file:///etc', '/etc/passwd', 'git@host:path', '--upload-pack=id', 'http://127.0.0.1:1/x\n--upload-pack=id'])('has the URL %j refused by the definition itself', async (url) => {
    await expect(applyAs(flow.platform.kube, sourceOf('bad-url', { url }))).rejects.toMatchObject({ code: 'invalid' })
  })

  describe('trees', () => {
    it('links that lead out bring nothing in', async () => {
      const secret = path.join(outside.dir, 'secret.yaml')
      const files: Record<string, TestFile> = {
        'own.yaml': configMap('beside-links', {}),
        'link.yaml': { mode: '120000', content: secret },
        'relative.yaml': { mode: '120000', content: `../../../../../../..${secret}` },
        folder: { mode: '120000', content: outside.dir },
      }
      const repository = await flow.repository('links', { files })
      await applyAs(flow.platform.kube, kustomizationOf('links', repository.named))
      await untilApplied(flow.platform.kube, { namespace, name: 'links' }, await repository.remote.resolve('main'))
      expect(await names()).toContain('beside-links')
      expect(await names()).not.toContain('from-outside')
    })

    it('a link that a kustomization names is not there', async () => {
      const repository = await flow.repository('named-links', { files: { ...kustomization('resources: [link.yaml]'), 'link.yaml': { mode: '120000', content: path.join(outside.dir, 'secret.yaml') } } })
      await applyAs(flow.platform.kube, kustomizationOf('named-links', repository.named))
      await untilRefused('a named link', { reason: 'BuildFailed', says: /link\.yaml/ }, () => readyOfKustomization('named-links'))
    })

    it.each(['.git', '.GIT', 'git~1', '.git\u200c'])('a tree with an entry %j is refused or brings no configuration', async (entry) => {
      const name = `tree-${Buffer.from(entry).toString('hex')}`
      const repository = await flow.repository(name, { files: { 'own.yaml': configMap(name, {}) } })
      const { remote } = repository
      const config = (await remote.git(['hash-object', '-w', '--stdin'], `[core]\n\tfsmonitor = touch ${marker()}\n[alias]\n\tx = !touch ${marker()}\n`)).trim()
      const folder = (await remote.git(['mktree'], `100644 blob ${config}\tconfig\n`)).trim()
      const rest = await remote.git(['ls-tree', '-z', 'main'])
      const tree = (await remote.git(['mktree', '-z'], `${rest}040000 tree ${folder}\t${entry}\0`)).trim()
      const commit = (await remote.git(['commit-tree', '-p', 'main', '-m', 'hostile', tree])).trim()
      await remote.setRef('refs/heads/main', commit)
      await flow.platform.kube.patch({ resource: gitRepositoryKind, ...repository.named }, { type: 'merge', body: { metadata: { annotations: { 'reconcile.fluxcd.io/requestedAt': entry.length.toString() } } } })
      const ready = await until('a verdict', async () => {
        const found = await readRepository(flow.platform.kube, repository.named)
        const isJudged = readyOf(found)?.status === 'False' || found?.status?.artifact?.revision.endsWith(commit) === true
        return isJudged ? readyOf(found) : undefined
      })
      expect(ready.status === 'False' ? ready.reason : 'Succeeded').toMatch(/^(GitOperationFailed|Succeeded)$/)
      expect(existsSync(marker())).toBe(false)
    })
  })

  describe('durations that were stored before they were validated', () => {
    /** Of every duration; an older definition has none. */
    const isPattern = (key: string, value: unknown): boolean => key === 'pattern' && typeof value === 'string' && value.startsWith('^([0-9]')

    it('stall their own objects, naming the field, and stop nobody else', async () => {
      const { kube } = flow.platform
      for (const kind of [kustomizationKind, gitRepositoryKind]) await withoutPatterns(kind)
      await applyAs(kube, kustomizationOf('bad-interval', good.named, { interval: 'soon' }))
      await applyAs(kube, kustomizationOf('bad-timeout', good.named, { timeout: '-5' }))
      await applyAs(kube, sourceOf('bad-source-interval', { url: good.remote.url, interval: '10 minutes' }))
      const verdict = async (name: string): Promise<Condition> => until(`${name} is stalled`, async () => stalledOf(await readKustomization(kube, { namespace, name })))
      expect((await verdict('bad-interval')).message).toContain('spec.interval')
      expect((await verdict('bad-timeout')).message).toContain('spec.timeout')
      expect((await until('the source is stalled', async () => stalledOf(await readRepository(kube, { namespace, name: 'bad-source-interval' })))).message).toContain('spec.interval')

      await applyAs(kube, kustomizationOf('bad-interval', good.named, { interval: '1h' }))
      await untilApplied(kube, { namespace, name: 'bad-interval' }, await good.remote.resolve('main'))
    })

    it('do not stop a controller from starting', async () => {
      await flow.platform.controller('kustomize-controller').kill('SIGKILL')
      await flow.start('kustomize-controller')
      last.commit = await good.commit({ 'map.yaml': configMap('good', { value: 'after the start' }) })
      await untilApplied(flow.platform.kube, { namespace, name: 'good' }, last.commit)
    })

    const withoutPatterns = async (kind: Kind): Promise<void> => {
      const target = { resource: definitions, namespace: '', name: `${kind.plural}.${kind.group}` }
      const definition = await flow.platform.kube.get(target)
      const spec = JSON.parse(JSON.stringify(definition?.spec), (key, value: unknown) => (isPattern(key, value) ? undefined : value)) as unknown
      await flow.platform.kube.patch(target, { type: 'merge', body: { spec } })
      await until('the definition lets it through', async () => {
        const probe = kind === kustomizationKind ? kustomizationOf('probe', good.named, { interval: 'x', suspend: true }) : sourceOf('probe', { url: good.remote.url, interval: 'x', suspend: true })
        const accepted = await applyAs(flow.platform.kube, probe).then(() => true, () => undefined)
        if (accepted) await flow.platform.kube.delete({ resource: kind, namespace, name: 'probe' })
        return accepted
      })
    }
  })

  describe('beside all of it', () => {
    it('the good Kustomization follows its commits', async () => {
      last.commit = await good.commit({ 'map.yaml': configMap('good', { value: 'last' }) })
      await untilApplied(flow.platform.kube, { namespace, name: 'good' }, last.commit)
      const map = await flow.platform.kube.get({ resource: configMaps, namespace, name: 'good' })
      expect(map?.['data']).toEqual({ value: 'last' })
    })

    it('nothing of the poison was applied, and nothing from outside got out', async () => {
      expect((await names()).filter((name) => name === 'hostile' || name === 'from-outside')).toEqual([])
      const texts = await readPublicTexts(flow.platform)
      expect(findCanaries([outside.canary, 'root:x:0:0'], texts)).toEqual([])
      expect(existsSync(marker())).toBe(false)
    })

    it('the controllers are the same processes, and stop as asked', async () => {
      expect(await flow.platform.stopControllers()).toEqual([0, 0])
    })
  })
})

function stalledOf(object: { readonly status?: { readonly conditions?: readonly Condition[] } | undefined } | undefined): Condition | undefined {
  return object?.status?.conditions?.find(({ type, status }) => type === 'Stalled' && status === 'True')
}
