import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { gitRepositoryKind, type GitRepository } from '@weir/shared/api'
import { startFaultProxy, type Fault, type FaultProxy, type FaultRule } from '@weir/shared/testing'
import { findLeftFiles, findProcesses, readPublicTexts } from './aftermath.ts'
import { startApiProxy, type ApiProxy } from './api-proxy.ts'
import { canaries, createApps, gitWithLogin, type Apps, type AppState } from './canary-app.ts'
import { readKustomization, readRepository, readyOf, requestReconcile, until } from './fleet.ts'
import { namespace, startFlow, type Flow } from './flow.ts'
import { tailOf } from './controller-process.ts'
import { findCanaries, findWrongDeletions } from './invariants.ts'

// Trouble between the parts: each run ends converged, or with a condition that says why.

const exec = promisify(execFile)
const seed = 20_260_101
const [source, kustomize] = ['source-controller', 'kustomize-controller'] as const

let flow: Flow
let apps: Apps
let api: ApiProxy
let artifacts: FaultProxy

/** Fallbacks that are minutes long otherwise: the faults here end without an event that would wake anybody. */
const startKustomize = (): Promise<void> => flow.start(kustomize, { kubeconfig: api.kubeconfig, flags: ['--requeue-dependency=2s', '--http-retry=2'] })
const startSource = (...flags: readonly string[]): Promise<void> =>
  flow.start(source, { flags: [`--storage-adv-addr=127.0.0.1:${artifacts.port}`, '--max-retry-delay=2s', ...flags] })

beforeAll(async () => {
  flow = await startFlow({ fleet: 'api', git: gitWithLogin })
  const { cluster, dir, storageAddress } = flow.platform
  ;[api, artifacts] = await Promise.all([
    startApiProxy({ direct: cluster.kubeconfig(kustomize), dir, seed }),
    startFaultProxy({ target: `http://${storageAddress}`, seed }),
  ])
  apps = await createApps(flow)
  await Promise.all([startSource(), startKustomize()])
})
afterEach(() => {
  api.proxy.use([])
  artifacts.use([])
})
afterAll(async () => {
  await flow?.stop()
  await Promise.all([api?.proxy.close(), artifacts?.close()])
})

const state = (value: string, ...maps: readonly string[]): AppState => ({ value, maps })

/** Install, upgrade and prune of an app of its own, while `trouble` goes on; the message of a failure says what was injected. */
async function live(app: string, trouble: (what: 'install' | 'upgrade' | 'prune') => Promise<void> = async () => undefined): Promise<void> {
  const lives = [
    ['install', state('one', 'a', 'b', 'c')],
    ['upgrade', state('two', 'a', 'b', 'c', 'd')],
    ['prune', state('two', 'a')],
  ] as const
  try {
    for (const [what, next] of lives) {
      const commit = await apps.push(app, next)
      if (what === 'install') await apps.declare(app)
      await trouble(what)
      await apps.settle(app, next, commit)
    }
  } catch (error) {
    throw new Error([api.proxy.describe(), artifacts.describe(), await tailOf(flow.platform.controller(kustomize).log)].join('\n'), { cause: error })
  }
}

async function leave(app: string): Promise<void> {
  await apps.remove(app)
  await apps.settleGone(app)
}

describe('between kustomize-controller and the API server', () => {
  const own = /kustomize\.toolkit\.fluxcd\.io|\/namespaces\/flows\//
  const rows: readonly (readonly [string, readonly FaultRule[]])[] = [
    ['429 with Retry-After', [{ fault: { kind: 'status', status: 429, retryAfterSeconds: 1 }, path: own, probability: 0.3, count: 8 }]],
    ['409 on writes', [{ fault: { kind: 'status', status: 409 }, methods: ['PATCH', 'DELETE'], path: own, probability: 0.4, count: 8 }]],
    ['500 on everything', [{ fault: { kind: 'status', status: 500 }, path: own, probability: 0.3, count: 8 }]],
    ['connections broken before a call', [{ fault: { kind: 'reset', at: 'request' }, path: own, probability: 0.3, count: 8 }]],
    ['connections broken after a write was done', [{ fault: { kind: 'reset', at: 'response' }, methods: ['PATCH', 'DELETE'], path: own, probability: 0.4, count: 8 }]],
    ['watches cut again and again', [{ fault: { kind: 'cut', afterMs: 150 }, path: /watch=(true|1)/ }]],
    ['watches that are told 410', [{ fault: { kind: 'gone-event', afterMs: 200 }, path: /watch=(true|1)/, count: 30 }]],
    ['watch events told twice', [{ fault: { kind: 'duplicate-lines' }, path: /watch=(true|1)/ }]],
    ['answers cut short', [{ fault: { kind: 'truncate', keepBytes: 40 }, path: own, methods: ['GET', 'PATCH'], probability: 0.3, count: 8 }]],
  ]

  it.each(rows)('%s: install, upgrade and prune converge', async (name, rules) => {
    const app = `api-${name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}`
    await flow.platform.controller(kustomize).kill('SIGKILL') // a process of its own: no pause of an earlier row goes on, and no open watch that knows nothing of the rules
    api.proxy.use(rules)
    await startKustomize()
    const before = api.proxy.injected().length
    await live(app)
    expect(api.proxy.injected().length).toBeGreaterThan(before)
    api.proxy.use([])
    await leave(app)
  })

  it('listings that fail make nothing look deleted', async () => {
    const app = 'listings'
    const declared = state('one', 'a', 'b')
    const commit = await apps.push(app, declared)
    await apps.declare(app)
    await apps.settle(app, declared, commit)
    await flow.platform.controller(kustomize).kill('SIGKILL')
    api.proxy.use([{ fault: { kind: 'status', status: 500 }, methods: ['GET'], path: /\/(configmaps|secrets|serviceaccounts)\?/ }])
    await startKustomize()
    const fewer = state('two', 'a')
    const next = await apps.push(app, fewer)
    await apps.repository.stored(next)
    await until('a listing failed', async () => (api.proxy.injected().length > 3 ? true : undefined))
    api.proxy.use([])
    await apps.settle(app, fewer, next)
    await leave(app)
  })
})

describe('the API server, killed and started again with its etcd', () => {
  it('install, upgrade and prune converge in the same processes', async () => {
    const pids = [source, kustomize].map((name) => flow.platform.controller(name).pid)
    await live('restarts', async (what) => {
      if (what === 'install') return
      await flow.platform.cluster.kill('kube-apiserver')
      await flow.platform.cluster.restart('kube-apiserver')
      await requestReconcile(flow.platform.kube, gitRepositoryKind, apps.repository.named) // the push may have met no server
    })
    await leave('restarts')
    for (const pid of pids) expect(() => process.kill(pid, 0)).not.toThrow()
  })
})

describe('an artifact that is not what its source says', () => {
  const app = 'artifacts'
  const good = state('good', 'a', 'b')

  const untilUnfetched = async (): Promise<string> => {
    const condition = await until('the artifact is refused', async () => {
      const ready = readyOf(await readKustomization(flow.platform.kube, { namespace, name: app }))
      return ready?.status === 'False' && ready.reason === 'ArtifactFailed' ? ready : undefined
    })
    return condition.message
  }

  /** Something other than the artifact comes; nothing of the old revision goes; then the right bytes come. */
  const serveWrong = async (value: string, how: { readonly wrong: (stored: string) => Promise<void>; readonly right: () => Promise<void> }): Promise<string> => {
    await flow.platform.controller(kustomize).kill('SIGKILL')
    const next = state(value, 'a')
    const commit = await apps.push(app, next)
    const artifact = await apps.repository.stored(commit)
    await how.wrong(path.join(flow.platform.storagePath, artifact.path))
    await startKustomize()
    const message = await untilUnfetched()
    const inventory = (await readKustomization(flow.platform.kube, { namespace, name: app }))?.status?.inventory?.entries.map(({ id }) => id) ?? []
    expect(inventory).toContain(`${namespace}_${app}-b__ConfigMap`)
    await how.right()
    await apps.settle(app, next, commit)
    return message
  }

  const restored = async (): Promise<void> => requestReconcile(flow.platform.kube, gitRepositoryKind, apps.repository.named)
  const again = async (): Promise<void> => apps.settle(app, good, await apps.push(app, good))

  beforeAll(async () => {
    const commit = await apps.push(app, good)
    await apps.declare(app)
    await apps.settle(app, good, commit)
  })
  afterAll(() => leave(app))

  const rows: readonly (readonly [string, Fault])[] = [
    ['truncated on the way', { kind: 'truncate', keepBytes: 100 }],
    ['broken off', { kind: 'cut', afterBytes: 50 }],
    ['refused by the server', { kind: 'status', status: 500 }],
  ]
  it.each(rows)('%s: the old state stays, and the next attempt gets it', async (what, fault) => {
    const wrong = async (): Promise<void> => artifacts.use([{ fault, path: /\.tar\.gz/ }])
    const message = await serveWrong(what, { wrong, right: async () => artifacts.use([]) })
    expect(message).toContain('artifact')
    await again()
  })

  it('tampered with in the store: refused, found by the source, and built anew', async () => {
    const wrong = async (file: string): Promise<void> => {
      const bytes = await readFile(file)
      const at = Math.floor(bytes.length / 2)
      bytes.writeUInt8(bytes.readUInt8(at) ^ 0xff, at)
      await writeFile(file, bytes)
    }
    const message = await serveWrong('tampered', { wrong, right: restored })
    expect(message).toMatch(/digest|checksum/i)
    await again()
  })

  it('truncated in the store: refused, found by the source, and built anew', async () => {
    const message = await serveWrong('short', { wrong: async (file) => writeFile(file, (await readFile(file)).subarray(0, 120)), right: restored })
    expect(message).toContain('artifact')
    await again()
  })
})

describe('a refused object', () => {
  it('does not tell the secret that made it wrong', async () => {
    const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'telling', namespace }, spec: { type: '${password}', ports: [{ port: 80 }] } }
    await apps.repository.commit({ 'apps/telling/service.yaml': JSON.stringify(service) })
    await apps.declare('telling')
    const refused = await until('it is refused', async () => {
      const ready = readyOf(await readKustomization(flow.platform.kube, { namespace, name: 'telling' }))
      return ready?.status === 'False' && ready.reason === 'ReconciliationFailed' ? ready : undefined
    })
    expect(refused.message).toContain('Service/flows/telling')
    await leave('telling')
  })
})

const canMount = process.platform === 'linux' && process.getuid?.() === 0
const disk = canMount ? describe : describe.skip

disk(`the disk of the store${canMount ? '' : ' (only root may mount the small disk of this test)'}`, () => {
  const app = 'disk'
  const small = (): string => path.join(flow.platform.dir, 'small-store')
  const big = 'apps/big.bin'

  const untilRepository = (what: string, isSo: (repository: GitRepository) => boolean): Promise<GitRepository> =>
    until(what, async () => {
      const found = await readRepository(flow.platform.kube, apps.repository.named)
      return found && isSo(found) ? found : undefined
    })
  const untilRefused = (): Promise<GitRepository> => untilRepository('the store refuses', (each) => readyOf(each)?.status === 'False' && readyOf(each)?.reason === 'ArchiveOperationFailed')

  beforeAll(async () => {
    await mkdir(small())
    await exec('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'weir-test', small()])
    await flow.platform.controller(source).kill('SIGTERM')
    await startSource(`--storage-path=${small()}`)
  })
  afterAll(async () => {
    await flow.platform.controller(source).kill('SIGTERM')
    await exec('umount', [small()])
    await startSource()
  })

  it('empty after a restart: every artifact is built anew', async () => {
    const declared = state('one', 'a', 'b')
    const commit = await apps.push(app, declared)
    await apps.declare(app)
    await apps.settle(app, declared, commit)
  })

  it('full: the source says so, and the last artifact is served on', async () => {
    const before = await readRepository(flow.platform.kube, apps.repository.named)
    await apps.repository.commit({ [big]: randomBytes(1 << 19) })
    const refused = await untilRefused()
    expect(readyOf(refused)?.message).toMatch(/full|space/i)
    expect(refused.status?.artifact).toEqual(before?.status?.artifact)
    expect((await fetch(refused.status?.artifact?.url ?? '')).status).toBe(200)
    expect(readyOf(await readKustomization(flow.platform.kube, { namespace, name: app }))?.status).toBe('True')

    const next = state('two', 'a')
    await apps.repository.commit({ [big]: undefined })
    await apps.settle(app, next, await apps.push(app, next))
  })

  it('read-only: the source says so, and goes on when it can write', async () => {
    await exec('mount', ['-o', 'remount,ro', small()])
    const next = state('three', 'a', 'c')
    const commit = await apps.push(app, next)
    const refused = await untilRefused()
    expect(readyOf(refused)?.message).toMatch(/read-only/i)
    await exec('mount', ['-o', 'remount,rw', small()])
    await apps.settle(app, next, commit)
    await leave(app)
  })
})

describe('after all of it', () => {
  it('nothing that the last good revision declared was ever deleted', async () => {
    const audit = await flow.platform.cluster.readAudit()
    expect(findWrongDeletions({ audit, revisions: apps.journal.revisions() })).toEqual([])
  })

  it('no secret can be read in a log, event, status or metric', async () => {
    expect(findCanaries(Object.values(canaries), await readPublicTexts(flow.platform))).toEqual([])
  })

  it('no process and no temporary file is left', async () => {
    expect(await flow.platform.stopControllers()).toEqual([0, 0])
    expect(await findProcesses(flow.platform.dir)).toEqual([])
    expect(await findLeftFiles(flow.platform)).toEqual([])
  })
})
