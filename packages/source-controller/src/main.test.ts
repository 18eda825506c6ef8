import { afterAll, afterEach, describe, expect, it } from '@jest/globals'
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gitRepositoryKind, type GitRepository } from '@weir/shared/api'
import { customResourceDefinitions } from '@weir/shared/api/schemas'
import { createFetcher } from '@weir/shared/artifact'
import { installObjects } from '@weir/shared/control-plane'
import { createInProcessBus, type ReceivedEvent } from '@weir/shared/events'
import { createHttp } from '@weir/shared/http'
import { createKube, loadConfig, type Kube } from '@weir/shared/kube'
import { runProcess, systemClock, type Member } from '@weir/shared/runtime'
import { quietTelemetry } from '@weir/shared/telemetry'
import { expectStatus, startGitServer, testControlPlane, type GitServer } from '@weir/shared/testing'
import { start } from './main.ts'
import { parseOptions } from './options.ts'

const telemetry = quietTelemetry('source-controller')
const plane = await testControlPlane({ fleet: 'api' })
const kubeconfig = plane.kubeconfig()
await installObjects(customResourceDefinitions(), { kubeconfig })
const kube = await createKube({ config: await loadConfig({ kubeconfig }), userAgent: 'weir-test/0', telemetry })
const http = createHttp({ telemetry })
const root = await mkdtemp(join(tmpdir(), 'weir-source-'))
const running: { close(): Promise<void> }[] = []

afterEach(async () => {
  for (const each of running.splice(0).reverse()) await each.close()
})
afterAll(async () => {
  await http.close()
  await kube.close()
  await plane.stop()
  await rm(root, { recursive: true, force: true })
})

const namespaces = { resource: { group: '', version: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false } }
const secrets = { group: '', version: 'v1', kind: 'Secret', plural: 'secrets', namespaced: true }
const events = { group: '', version: 'v1', kind: 'Event', plural: 'events', namespaced: true }

interface World {
  readonly namespace: string
  readonly storage: string
  readonly heard: ReceivedEvent[]
  create(spec: Partial<GitRepository['spec']>): Promise<void>
  read(): Promise<GitRepository | undefined>
  /** Waits until the object is as told, and gives it. */
  until(check: (object: GitRepository) => boolean): Promise<GitRepository>
  patch(body: object): Promise<void>
  /** Ends the process and starts another one on the same disks. */
  restart(): Promise<void>
}

/** A namespace of its own with a source-controller that watches nothing else. */
async function open(namespace: string): Promise<World> {
  await kube.create(namespaces.resource, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
  const storage = join(root, namespace, 'storage')
  const heard: ReceivedEvent[] = []
  const target = { resource: gitRepositoryKind, namespace, name: 'fleet' }
  const process: { now?: { close(): Promise<void> } } = {}
  const begin = async (): Promise<void> => void (process.now = await run({ namespace, storage, heard }))
  await begin()
  running.push({ close: async () => process.now?.close() })
  const read = async (): Promise<GitRepository | undefined> => (await kube.get(target)) as unknown as GitRepository | undefined
  return {
    namespace,
    storage,
    heard,
    read,
    async create(spec) {
      const metadata = { namespace, name: 'fleet' }
      await kube.create(gitRepositoryKind, { apiVersion: 'source.toolkit.fluxcd.io/v1', kind: 'GitRepository', metadata, spec: { interval: '1h', ref: { branch: 'main' }, ...spec } })
    },
    async until(check) {
      for (let tries = 0; tries < 400; tries++) {
        const object = await read()
        if (object && check(object)) {
          if (object.status?.conditions && object.status.observedGeneration === object.metadata.generation) expectStatus(object)
          return object
        }
        await systemClock.sleep(50)
      }
      throw new Error(`never true: ${String(check)} of ${JSON.stringify(await read())}`)
    },
    patch: async (body) => void (await kube.patch(target, { type: 'merge', body })),
    async restart() {
      await process.now?.close()
      await begin()
    },
  }
}

interface RunOptions {
  readonly namespace: string
  readonly storage: string
  readonly heard?: ReceivedEvent[]
  /** What it reaches the API server over; default: as a test does. */
  readonly through?: Kube
  readonly election?: Member['election']
}

async function run({ namespace, storage, heard = [], through = kube, election }: RunOptions): Promise<{ close(): Promise<void> }> {
  const parsed = parseOptions(['--watch-all-namespaces=false', `--storage-path=${storage}`, '--storage-addr=127.0.0.1:0'], { RUNTIME_NAMESPACE: namespace, PATH: '/usr/local/bin:/usr/bin:/bin' })
  if (!parsed.ok) throw new Error(parsed.message)
  const own = quietTelemetry('source-controller')
  const bus = createInProcessBus({ cluster: 'test', telemetry: own })
  bus.subscribe({ type: 'artifact-ready' }, (event) => void heard.push(event))
  const stop = new AbortController()
  const ready = Promise.withResolvers<void>()
  const ended = runProcess({
    members: [{ controller: 'source-controller', kube: through.as({}), start: (host) => start(parsed.options, host), ...(election && { election }) }],
    bus,
    telemetry: own,
    clock: systemClock,
    healthAddress: '0',
    metricsAddress: '0',
    graceMs: 5_000,
    stop: stop.signal,
    onReady: ready.resolve,
  })
  const early = await Promise.race([ready.promise, ended])
  if (early !== undefined) throw new Error(`ended with ${early}`)
  return {
    async close() {
      stop.abort()
      expect(await ended).toBe(0)
    },
  }
}

/** Events wait until they are let, as where many are written at once. */
function holdEvents(free: Kube, until: Promise<void>): Kube {
  return {
    ...free,
    as: (view) => holdEvents(free.as(view), until),
    async create(resource, object, options) {
      if (resource.kind === 'Event') await until
      return free.create(resource, object, options)
    },
  }
}

const conditionOf = (object: GitRepository, type: string): string | undefined => {
  const found = object.status?.conditions?.find((condition) => condition.type === type)
  return found && `${found.status} ${found.reason}`
}
const isReadyAt = (commit: string) => (object: GitRepository): boolean =>
  conditionOf(object, 'Ready') === 'True Succeeded' && object.status?.artifact?.revision.endsWith(commit) === true && object.status.observedGeneration === object.metadata.generation
const failsFor = (reason: string) => (object: GitRepository): boolean => conditionOf(object, 'Ready') === `False ${reason}`
const asks = (token: string): object => ({ metadata: { annotations: { 'reconcile.fluxcd.io/requestedAt': token } } })

async function serve(options: Parameters<typeof startGitServer>[0] = {}): Promise<GitServer> {
  const server = await startGitServer(options)
  running.push(server)
  return server
}

/** The files that a consumer gets. */
async function filesOf({ status }: GitRepository): Promise<readonly string[]> {
  if (status?.artifact === undefined) return []
  const fetcher = await createFetcher({ http, cacheDir: await mkdtemp(join(root, 'cache-')), telemetry, retries: 0 })
  const tree = await fetcher.fetch(status.artifact, AbortSignal.timeout(10_000))
  const files = [...tree.manifest.files.keys()]
  tree.release()
  await fetcher.close()
  return files
}

async function reasonsOf(namespace: string): Promise<readonly string[]> {
  return (await kube.list(events, { namespace })).items.map((event) => String(event['reason']))
}

describe('a GitRepository', () => {
  it('is fetched, stored, served and announced; follows a push when asked; is left clean when deleted', async () => {
    const world = await open('life')
    const repository = await (await serve()).createRepository('fleet')
    const first = await repository.commit({ 'app/a.yaml': 'a', 'logo.png': 'x' }, { message: 'first commit' })
    await world.create({ url: repository.url })
    const stored = await world.until(isReadyAt(first))
    expect(stored.status?.conditions?.map(({ type, status, message }) => [type, status, message])).toEqual([
      ['Ready', 'True', `stored artifact for revision 'main@sha1:${first}'`],
      ['ArtifactInStorage', 'True', `stored artifact for revision 'main@sha1:${first}'`],
    ])
    expect(stored.status?.artifact?.path).toBe(`gitrepository/life/fleet/${first}.tar.gz`)
    expect(await filesOf(stored)).toEqual(['app/a.yaml'])

    const second = await repository.commit({ 'app/b.yaml': 'b' })
    await world.patch(asks('one'))
    const moved = await world.until(isReadyAt(second))
    expect([moved.status?.lastHandledReconcileAt, await filesOf(moved)]).toEqual(['one', ['app/a.yaml', 'app/b.yaml']])

    const before = moved.status?.artifact
    await world.patch(asks('two'))
    const same = await world.until(({ status }) => status?.lastHandledReconcileAt === 'two')
    expect(same.status?.artifact).toEqual(before)
    expect(world.heard.map(({ facts }) => facts.revision)).toEqual([`main@sha1:${first}`, `main@sha1:${second}`])
    expect(new Set(world.heard.map(({ id }) => id)).size).toBe(2)
    await systemClock.sleep(300)
    expect((await reasonsOf('life')).filter((reason) => reason === 'NewArtifact').length).toBe(2)

    await world.patch({ spec: { suspend: true } })
    await kube.delete({ resource: gitRepositoryKind, namespace: 'life', name: 'fleet' })
    for (let tries = 0; tries < 200 && (await world.read()); tries++) await systemClock.sleep(50)
    expect([await world.read(), await readdir(join(world.storage, 'gitrepository/life'))]).toEqual([undefined, []])
  })

  it('is stored anew under the same revision when its ignore rules change', async () => {
    const world = await open('ignore')
    const repository = await (await serve()).createRepository('fleet')
    const commit = await repository.commit({ 'a.yaml': 'a', 'b.md': 'b' })
    await world.create({ url: repository.url })
    const before = await world.until(isReadyAt(commit))
    await world.patch({ spec: { ignore: '*.md' } })
    const after = await world.until((object) => object.status?.observedIgnore === '*.md' && isReadyAt(commit)(object))
    expect([after.status?.artifact?.digest === before.status?.artifact?.digest, await filesOf(after)]).toEqual([false, ['a.yaml']])
    expect(world.heard.length).toBe(2)
  })

  it('is woken by its Secret: missing, wrong, then right; and never says the secret', async () => {
    const canary = 'c4nary-Passw0rd'
    const world = await open('secret')
    const server = await serve({ basic: { username: 'weir', password: canary } })
    const repository = await server.createRepository('fleet')
    const commit = await repository.commit({ a: 'a' })
    await world.create({ url: repository.url, secretRef: { name: 'login' } })
    expect(conditionOf(await world.until(failsFor('AuthenticationFailed')), 'FetchFailed')).toBe('True AuthenticationFailed')
    const wrong = { username: 'weir', password: `${canary}-wrong` }
    await kube.create(secrets, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'login', namespace: 'secret' }, stringData: wrong })
    await world.until(failsFor('GitOperationFailed'))
    await kube.patch({ resource: secrets, namespace: 'secret', name: 'login' }, { type: 'merge', body: { stringData: { password: canary } } })
    const stored = await world.until(isReadyAt(commit))
    expect(conditionOf(stored, 'FetchFailed')).toBeUndefined()
    await systemClock.sleep(300)
    expect(JSON.stringify([stored, (await kube.list(events, { namespace: 'secret' })).items, world.heard])).not.toContain(canary)
  })

  it('keeps its artifact while the fetch fails, and says why', async () => {
    const world = await open('keeps')
    const repository = await (await serve()).createRepository('fleet')
    const commit = await repository.commit({ a: 'a' })
    await world.create({ url: repository.url })
    await world.until(isReadyAt(commit))
    await world.patch({ spec: { ref: { branch: 'gone' } } })
    const failing = await world.until(failsFor('GitOperationFailed'))
    expect([conditionOf(failing, 'ArtifactInStorage'), conditionOf(failing, 'Reconciling'), failing.status?.observedGeneration]).toEqual(['True Succeeded', 'True ProgressingWithRetry', 1])
    expect(await filesOf(failing)).toEqual(['a'])
    await world.patch({ spec: { ref: { branch: 'main' } } })
    await world.until(isReadyAt(commit))
  })

  it.each([
    ['verify', { verify: { secretRef: { name: 'keys' } } }],
    ['include', { include: [{ repository: { name: 'other' } }] }],
    ['recurseSubmodules', { recurseSubmodules: true }],
    ['sparseCheckout', { sparseCheckout: ['deploy'] }],
    ['proxySecretRef', { proxySecretRef: { name: 'proxy' } }],
    ['provider', { provider: 'github' as const }],
  ])('refuses spec.%s, which is not built yet, and leaves the artifact alone', async (field, spec) => {
    const world = await open(`refuses-${field.toLowerCase()}`)
    const repository = await (await serve()).createRepository('fleet')
    const commit = await repository.commit({ a: 'a' })
    await world.create({ url: repository.url })
    const before = await world.until(isReadyAt(commit))
    await world.patch({ spec })
    const refused = await world.until(failsFor('NotSupported'))
    expect([conditionOf(refused, 'Stalled'), refused.status?.observedGeneration]).toEqual(['True NotSupported', 2])
    expect(refused.status?.conditions?.find(({ type }) => type === 'Ready')?.message).toContain(`spec.${field}`)
    expect(refused.status?.artifact).toEqual(before.status?.artifact)
  })

  it('is rebuilt on an empty disk, and again when its file was tampered with', async () => {
    const world = await open('rebuilt')
    const repository = await (await serve()).createRepository('fleet')
    const commit = await repository.commit({ a: 'a' })
    await world.create({ url: repository.url })
    const before = await world.until(isReadyAt(commit))
    const file = join(world.storage, before.status?.artifact?.path ?? '')
    await rm(world.storage, { recursive: true })
    await world.restart()
    const rebuilt = await world.until((object) => isReadyAt(commit)(object) && object.status?.artifact?.url !== before.status?.artifact?.url)
    expect([rebuilt.status?.artifact?.digest, await filesOf(rebuilt)]).toEqual([before.status?.artifact?.digest, ['a']])
    await writeFile(file, 'tampered')
    await world.patch(asks('tampered'))
    const again = await world.until(({ status }) => status?.lastHandledReconcileAt === 'tampered')
    expect(await filesOf(again)).toEqual(['a'])
    await systemClock.sleep(300)
    expect(await reasonsOf('rebuilt')).toContain('ArtifactVerificationFailed')
  })

  it('names its new address after a restart, without a fetch', async () => {
    const world = await open('moves')
    const server = await serve()
    const repository = await server.createRepository('fleet')
    const commit = await repository.commit({ a: 'a' })
    await world.create({ url: repository.url })
    const before = await world.until(isReadyAt(commit))
    const fetches = server.requests().length
    await world.restart()
    const after = await world.until(({ status }) => status?.artifact?.url !== before.status?.artifact?.url)
    expect(await filesOf(after)).toEqual(['a'])
    expect(server.requests().length - fetches).toBe(2) // the listing of refs
    expect({ ...after.status?.artifact, url: '' }).toEqual({ ...before.status?.artifact, url: '' })
  })

  it('keeps no mirror of a URL that no object names: after a new URL, a restart, a deletion', async () => {
    const world = await open('mirrors')
    const server = await serve()
    const [first, second] = [await server.createRepository('first'), await server.createRepository('second')]
    const commits = [await first.commit({ a: 'first' }), await second.commit({ a: 'second' })]
    const mirrors = (): Promise<readonly string[]> => readdir(`${world.storage}-git/git/mirrors`)
    const untilMirrors = async (count: number): Promise<readonly string[]> => {
      for (let tries = 0; tries < 200 && (await mirrors()).length !== count; tries++) await systemClock.sleep(20)
      expect(await mirrors()).toHaveLength(count)
      return mirrors()
    }
    await world.create({ url: first.url })
    await world.until(isReadyAt(commits[0] ?? ''))
    const before = await untilMirrors(1)
    await world.patch({ spec: { url: second.url } })
    await world.until(isReadyAt(commits[1] ?? ''))
    const [left = ''] = await untilMirrors(1)
    expect(before).not.toContain(left)
    await mkdir(`${world.storage}-git/git/mirrors/of-an-earlier-process`)
    await writeFile(`${world.storage}-git/git/mirrors/of-an-earlier-process/weir-ready`, '')
    await world.restart()
    expect(await untilMirrors(1)).toEqual([left])
    await kube.delete({ resource: gitRepositoryKind, namespace: 'mirrors', name: 'fleet' })
    await untilMirrors(0)
  })

  it('says that the disk is full, keeps what is stored, and recovers', async () => {
    const world = await open('full')
    const repository = await (await serve()).createRepository('fleet')
    const commit = await repository.commit({ a: 'a' })
    await world.create({ url: repository.url })
    await world.until(isReadyAt(commit))
    const folder = join(world.storage, 'gitrepository/full/fleet')
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=32k', 'none', folder], { stdio: 'ignore' })
    } catch {
      process.stderr.write('skipped: a small disk cannot be mounted here\n')
      return
    }
    try {
      const bytes = Buffer.concat(Array.from({ length: 200 }, () => Buffer.from(crypto.getRandomValues(new Uint8Array(1024)))))
      await repository.commit({ big: bytes })
      await world.patch(asks('full'))
      const failing = await world.until(failsFor('ArchiveOperationFailed'))
      expect(conditionOf(failing, 'StorageOperationFailed')).toBe('True ArchiveOperationFailed')
    } finally {
      execFileSync('umount', [folder])
    }
    const small = await repository.commit({ big: 'small' })
    await world.patch(asks('space'))
    await world.until(isReadyAt(small))
  })
})

describe('a leader that is stopped', () => {
  it('writes the events that still wait before it gives its lease back', async () => {
    const namespace = 'stopped'
    await kube.create(namespaces.resource, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
    const lease = { namespace, name: 'source-controller-leader-election' }
    const election = { ...lease, identity: 'me', release: true }
    const gate = Promise.withResolvers<void>()
    const leader = await run({ namespace, storage: join(root, namespace, 'storage'), through: holdEvents(kube, gate.promise), election })
    running.push(leader)
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'] // more than are written at once
    for (const name of names) {
      const spec = { url: 'https://127.0.0.1/never-asked', interval: '1h', recurseSubmodules: true }
      await kube.create(gitRepositoryKind, { apiVersion: 'source.toolkit.fluxcd.io/v1', kind: 'GitRepository', metadata: { namespace, name }, spec })
    }
    const isRefused = (object: unknown): boolean => conditionOf(object as GitRepository, 'Stalled') === 'True NotSupported'
    for (let tries = 0; tries < 400 && !(await kube.list(gitRepositoryKind, { namespace })).items.every(isRefused); tries++) await systemClock.sleep(20)

    const closed = leader.close()
    await systemClock.sleep(300) // time enough to give a lease back
    gate.resolve()
    await closed
    expect(await reasonsOf(namespace)).toEqual(names.map(() => 'NotSupported'))
    const leases = { group: 'coordination.k8s.io', version: 'v1', kind: 'Lease', plural: 'leases', namespaced: true }
    expect((await kube.get({ resource: leases, ...lease }))?.['spec']).toMatchObject({ holderIdentity: '' })
  })
})
