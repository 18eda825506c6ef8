import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { gitRepositoryKind, kustomizationKind, type Kind } from '@weir/shared/api'
import { startApiProxy, type ApiProxy } from './api-proxy.ts'
import { createApps, gitWithLogin, type Apps, type AppState } from './canary-app.ts'
import { itLeavesNothingBehind } from './fault-aftermath.ts'
import { applyAs, readKustomization, readRepository, readyOf, requestReconcile, until, untilAnswered, untilFailed, type Named } from './fleet.ts'
import { namespace, startFlow, type Flow } from './flow.ts'
import { kustomizeKills, sourceKills, verdictKills, type KillAt } from './kill-plan.ts'
import { countRuns, countSettledRuns } from './runs.ts'

// kill -9 at every step by name (kill-plan.ts), and between two writes of one step.

/** Dozens of processes die in one test. */
jest.setTimeout(600_000)

const configMaps: Kind = { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true }
const first: AppState = { maps: ['a', 'b', 'c', 'd'], value: 'one' }
const second: AppState = { maps: ['a', 'b', 'c', 'd', 'e'], value: 'two' }
const third: AppState = { maps: ['a', 'e'], value: 'two' }

let flow: Flow
let apps: Apps
let api: ApiProxy

beforeAll(async () => {
  flow = await startFlow({ fleet: 'api', git: gitWithLogin })
  api = await startApiProxy({ direct: flow.platform.cluster.kubeconfig(controller), dir: flow.platform.dir, seed: 1 })
  apps = await createApps(flow)
  await Promise.all([flow.start('source-controller'), flow.start(controller)])
  await end()
})
afterAll(async () => {
  await flow?.stop()
  await api?.proxy.close()
})

/** Resolves when the artifact is there to be applied. */
async function push(app: string, state: AppState): Promise<string> {
  const commit = await apps.push(app, state)
  await apps.repository.stored(commit)
  return commit
}

const controller = 'kustomize-controller'
const flags = ['--custom-apply-stage-kinds=ServiceAccount']
const named = (name: string): Named => ({ namespace, name })

/**
 * One process after the other, each until it kills itself, then one that lives; it is ended when `settled` is. `change` comes between: what it
 * makes the living one say, no dead one can have said.
 */
async function dieAt(kills: readonly KillAt[], settled: () => Promise<unknown>, change: () => Promise<unknown> = async () => undefined): Promise<void> {
  for (const killAt of kills) await flow.startDoomed(controller, killAt, { flags })
  await change()
  await flow.start(controller, { flags })
  await settled()
  await end()
}
const end = (): Promise<void> => flow.platform.controller(controller).kill('SIGKILL')

describe('kustomize-controller, killed at every step of a life, converges when it comes back', () => {
  afterEach(end) // of a test that fails, too
  const app = 'life'
  const things = ['one', 'two', 'three', 'four', 'five'] as const
  const installed: AppState = { maps: ['a', 'b'], value: 'one', things: ['one'] }
  const upgraded: AppState = { maps: ['a', 'b', 'c'], value: 'two', things }
  const renamed: AppState = { maps: ['a', 'b', 'renamed'], value: 'two', things }
  const pruned: AppState = { maps: ['a'], value: 'two', things: ['one'] }
  const states = { last: '' }
  /** A state that a dead process has written counts once the living one has come to its own verdict on it. */
  const settle = async (state: AppState): Promise<void> => {
    await until('the process that lives has ended a run', async () => ((await countRuns(flow.platform, named(app))) > 0 ? true : undefined))
    await apps.settle(app, state, states.last)
  }
  const next = async (state: AppState): Promise<() => Promise<void>> => {
    states.last = await push(app, state)
    return () => settle(state)
  }

  it('install, with definitions, classes and custom stages', async () => {
    const settled = await next(installed)
    await apps.declare(app)
    await dieAt(kustomizeKills.install, settled)
  })

  it('the waits for new definitions', async () => {
    // That a definition is established is seen late: else it may be before there is anything to wait for.
    api.proxy.use([{ fault: { kind: 'stall', at: 'response', ms: 2_000 }, path: /customresourcedefinitions\?.*watch=/ }])
    for (const [index, killAt] of kustomizeKills.define.entries()) {
      await next({ ...installed, things: things.slice(0, index + 2) })
      await flow.startDoomed(controller, killAt, { flags, ...(killAt.startsWith('wait for stage') && { kubeconfig: api.kubeconfig }) })
    }
    api.proxy.use([])
    await dieAt([], () => settle({ ...installed, things }))
  })

  it('upgrade', async () => dieAt(kustomizeKills.upgrade, await next(upgraded)))
  it('rename of an object', async () => dieAt(kustomizeKills.rename, await next(renamed)))
  it('prune, of definitions too', async () => dieAt(kustomizeKills.prune, await next(pruned)))
  it('verification after a restart', () => dieAt(kustomizeKills.verification, () => settle(pruned)))

  it('correction of drift', async () => {
    const target = { resource: configMaps, namespace, name: `${app}-a` }
    const edit = (value: string): Promise<unknown> => flow.platform.kube.patch(target, { type: 'merge', body: { data: { value } }, manager: 'kubectl-edit' })
    for (const killAt of kustomizeKills.drift) {
      const over = new AbortController()
      const editing = (async () => {
        for (let count = 0; !over.signal.aborted; count++) {
          await edit(`${killAt} ${count}`)
          await pause(200)
        }
      })()
      await flow.startDoomed(controller, killAt, { flags }).finally(() => over.abort())
      await editing
    }
    const isMended = async (): Promise<true | undefined> => ((await flow.platform.kube.get(target))?.['data'] as { readonly value?: string } | undefined)?.value === pruned.value || undefined
    await dieAt([], () => until('the drift is corrected', isMended), () => edit('while nobody lives'))
  })

  it('each verdict that is not ready', async () => {
    const { kube } = flow.platform
    /** Of what changed last: the message names it. */
    const verdict = (reason: string, says: string) => (): Promise<true> =>
      until(`${reason} names ${says}`, async () => (readyOf(await untilFailed(kube, named(app), reason))?.message.includes(says) ? true : undefined))
    const broken = async (resource: string): Promise<unknown> => apps.repository.stored(await apps.repository.commit({ [`apps/${app}/kustomization.yaml`]: `resources: [${resource}]\n` }))
    await apps.declare(app, { dependsOn: [{ name: 'absent' }] })
    await dieAt(verdictKills.waiting, verdict('DependencyNotReady', 'absent-too'), () => apps.declare(app, { dependsOn: [{ name: 'absent-too' }] }))
    await apps.declare(app, { serviceAccountName: 'nobody' })
    await dieAt(verdictKills.stalled, verdict('NotSupported', 'spec.kubeConfig'), () => apps.declare(app, { kubeConfig: { secretRef: { name: 'nowhere' } } }))
    await apps.declare(app)
    await broken('missing.yaml')
    await dieAt(verdictKills.failing, verdict('BuildFailed', 'missing-too.yaml'), () => broken('missing-too.yaml'))
    await apps.repository.commit({ [`apps/${app}/kustomization.yaml`]: undefined })
    await dieAt([], await next(pruned))
  })

  it('a suspended one: the commit that came meanwhile is left alone, and applied when it is asked for', async () => {
    const { kube } = flow.platform
    const unseen = { ...pruned, value: 'unseen' }
    const before = await readKustomization(kube, named(app))
    await apps.declare(app, { suspend: true })
    const untouched = async (): Promise<void> => {
      await untilAnswered(kube, kustomizationKind, named(app))
      await countSettledRuns(flow.platform, named(app))
      const now = await readKustomization(kube, named(app))
      expect([now?.status?.lastAppliedRevision, now?.status?.lastAttemptedRevision]).toEqual([before?.status?.lastAppliedRevision, before?.status?.lastAttemptedRevision])
      expect((await kube.get({ resource: configMaps, namespace, name: `${app}-a` }))?.['data']).toEqual({ value: pruned.value })
    }
    await dieAt(verdictKills.suspended, untouched, async () => {
      await next(unseen)
      await requestReconcile(kube, kustomizationKind, named(app))
    })
    await apps.declare(app)
    await dieAt([], () => settle(unseen))
  })

  it('a parked wait, in its middle', async () => {
    const awaited = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'awaited', namespace } }
    await apps.declare(app, { wait: false, timeout: '60s', healthChecks: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'awaited', namespace }] })
    const settled = await next({ ...pruned, value: 'three' })
    for (let round = 0; round < 2; round++) {
      await flow.start(controller, { flags })
      await until('it waits', async () => {
        const found = await readKustomization(flow.platform.kube, named(app))
        return found?.status?.conditions?.some(({ type, message }) => type === 'Reconciling' && message.startsWith('Running health checks')) ? true : undefined
      })
      await end()
    }
    await dieAt([], async () => {
      await applyAs(flow.platform.kube, awaited)
      await settled()
    })
  })

  it('the kustomize engine, in the middle of a build: a new one serves', async () => {
    await flow.start(controller, { flags })
    const { pid } = flow.platform.controller(controller)
    const engines = async (): Promise<readonly string[]> => (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).split(' ').filter(Boolean)
    await (await next({ ...pruned, value: 'four' }))()
    const frozen = await engines()
    expect(frozen.length).toBeGreaterThan(0)
    for (const engine of frozen) process.kill(Number(engine), 'SIGSTOP')
    const settled = await next({ ...pruned, value: 'five' })
    await until('a build lasts', async () => {
      const found = await readKustomization(flow.platform.kube, named(app))
      return found?.status?.conditions?.some(({ type, message }) => type === 'Reconciling' && message.startsWith('Building manifests')) ? true : undefined
    })
    for (const engine of frozen) process.kill(Number(engine), 'SIGKILL')
    await settled()
    const serving = await engines()
    expect(serving.length).toBeGreaterThan(0)
    expect(serving.filter((engine) => frozen.includes(engine))).toEqual([])
  })

  it('finalize, waiting for what holds on', async () => {
    const held = { resource: configMaps, namespace, name: `${app}-a` }
    const hold = (finalizers: readonly string[]): Promise<unknown> => flow.platform.kube.patch(held, { type: 'merge', body: { metadata: { finalizers } }, manager: 'holder' })
    await apps.declare(app, { deletionPolicy: 'WaitForTermination' })
    await hold(['e2e.example/hold'])
    await apps.remove(app)
    const at = kustomizeKills.finalize.indexOf('wait for termination/end')
    for (const killAt of kustomizeKills.finalize.slice(0, at)) await flow.startDoomed(controller, killAt, { flags })
    await hold([])
    await dieAt(kustomizeKills.finalize.slice(at), () => apps.settleGone(app))
  })
})

describe('kustomize-controller, killed between two writes of one step, converges when it comes back', () => {
  afterEach(async () => {
    api.proxy.use([])
    await end()
  })

  /** The n-th call that matches hangs, before the API server has seen it; then the process dies. */
  const hangAt = async (method: 'PATCH' | 'DELETE', nth: number): Promise<void> => {
    const path = /^\/api\/v1\/namespaces\/flows\/configmaps\/(?!.*dryRun)/
    api.proxy.use([{ fault: { kind: 'stall', at: 'request', ms: 60_000 }, methods: [method], path, skip: nth - 1, count: 1 }])
    const before = api.proxy.injected().length
    await flow.start(controller, { kubeconfig: api.kubeconfig, flags: ['--concurrent-ssa=1'] })
    await until(`the call number ${nth} hangs`, async () => (api.proxy.injected().length > before ? true : undefined))
    await flow.platform.controller(controller).kill('SIGKILL')
    api.proxy.use([])
    await flow.start(controller)
  }

  it('install, upgrade, prune and deletion', async () => {
    const app = 'between'
    const installed = await push(app, first)
    await apps.declare(app)
    await hangAt('PATCH', 3)
    await apps.settle(app, first, installed)
    await end()

    const upgraded = await push(app, second)
    await hangAt('PATCH', 3)
    await apps.settle(app, second, upgraded)
    await end()

    const pruned = await push(app, third)
    await hangAt('DELETE', 2)
    await apps.settle(app, third, pruned)
    await end()

    await apps.remove(app)
    await hangAt('DELETE', 2)
    await apps.settleGone(app)
  })
})

describe('source-controller, killed at every step, serves the revision when it comes back', () => {
  const source = 'source-controller'
  const app = 'served'
  const settle = async (state: AppState, commit: string): Promise<void> => {
    await Promise.all([flow.start(source), flow.start(controller)])
    await apps.declare(app)
    await apps.settle(app, state, commit)
    await end()
    await flow.platform.controller(source).kill('SIGKILL')
  }

  it('a push', async () => {
    await flow.platform.controller(source).kill('SIGKILL')
    const state: AppState = { maps: ['a', 'b'], value: 'pushed' }
    const commit = await apps.push(app, state)
    for (const killAt of sourceKills.push) {
      await requestReconcile(flow.platform.kube, gitRepositoryKind, apps.repository.named)
      await flow.startDoomed(source, killAt)
    }
    await settle(state, commit)
  })

  it('a new source, and its end', async () => {
    const extra = await flow.repository('extra', { files: { 'README.md': 'extra' }, spec: { secretRef: { name: 'git' } } })
    for (const killAt of sourceKills.create) await flow.startDoomed(source, killAt)
    await flow.start(source)
    const artifact = await extra.stored(await extra.remote.resolve('main'))
    const file = path.join(flow.platform.storagePath, artifact.path)
    expect(existsSync(file)).toBe(true)
    await flow.platform.controller(source).kill('SIGKILL')
    await flow.platform.kube.delete({ resource: gitRepositoryKind, ...extra.named })
    for (const killAt of sourceKills.remove) await flow.startDoomed(source, killAt)
    await flow.start(source)
    await until('it is gone', async () => ((await readRepository(flow.platform.kube, extra.named)) === undefined ? true : undefined))
    expect(existsSync(file)).toBe(false)
  })
})

describe('after all of it', () => {
  beforeAll(() => flow.start(controller))

  it('deletions were among what was judged', async () => {
    const audit = await flow.platform.cluster.readAudit()
    expect(audit.filter(({ verb, userAgent }) => verb === 'delete' && userAgent.startsWith('weir-')).length).toBeGreaterThan(10)
  })

  itLeavesNothingBehind(() => ({ flow, apps }))
})
