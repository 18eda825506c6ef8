import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { findLeftFiles, findProcesses, readPublicTexts } from './aftermath.ts'
import { startApiProxy, type ApiProxy } from './api-proxy.ts'
import { canaries, createApps, gitWithLogin, type Apps, type AppState } from './canary-app.ts'
import { until } from './fleet.ts'
import { startFlow, type Flow } from './flow.ts'
import { findCanaries, findWrongDeletions } from './invariants.ts'

// kill -9 in the middle of an install, an upgrade, a prune and a deletion: at steps by name, and between two writes of one step.

const first: AppState = { maps: ['a', 'b', 'c', 'd'], value: 'one' }
const second: AppState = { maps: ['a', 'b', 'c', 'd', 'e'], value: 'two' }
const third: AppState = { maps: ['a', 'e'], value: 'two' }

let flow: Flow
let apps: Apps

beforeAll(async () => {
  flow = await startFlow({ fleet: 'api', git: gitWithLogin })
  apps = await createApps(flow)
  await flow.start('source-controller')
})
afterAll(() => flow?.stop())

/** Resolves when the artifact is there to be applied. */
async function push(app: string, state: AppState): Promise<string> {
  const commit = await apps.push(app, state)
  await apps.repository.stored(commit)
  return commit
}

describe('kustomize-controller, killed at a step, converges when it comes back', () => {
  const controller = 'kustomize-controller'

  /** The change waits for the process, so that the first run is the one that dies. */
  const dieAndRecover = async (killAt: string): Promise<void> => {
    await flow.startDoomed(controller, killAt)
    await flow.start(controller)
  }
  const end = (): Promise<void> => flow.platform.controller(controller).kill('SIGKILL')

  it.each([
    ['add finalizer/end', 'fetch artifact/end', 'confirm inventory/end', 'confirm inventory/begin'],
    ['write status: running/begin', 'build/end', 'prune/begin', 'delete objects/begin'],
    ['write status: running/end', 'apply rest/begin', 'prune/end', 'delete objects/end'],
    ['apply rest/end', 'write status: running/end', 'write status: ready/begin', 'remove finalizer/begin'],
    ['wait for health/begin', 'apply rest/end', 'write status: ready/end', 'remove finalizer/end'],
  ])('install at "%s", upgrade at "%s", prune at "%s", delete at "%s"', async (install, upgrade, prune, remove) => {
    const app = `life-${install.replaceAll(/[^a-z]+/g, '-')}`
    const installed = await push(app, first)
    await apps.declare(app)
    await dieAndRecover(install)
    await apps.settle(app, first, installed)
    await end()

    const upgraded = await push(app, second)
    await dieAndRecover(upgrade)
    await apps.settle(app, second, upgraded)
    await end()

    const pruned = await push(app, third)
    await dieAndRecover(prune)
    await apps.settle(app, third, pruned)
    await end()

    await apps.remove(app)
    await dieAndRecover(remove)
    await apps.settleGone(app)
    await end()
  })
})

describe('kustomize-controller, killed between two writes of one step, converges when it comes back', () => {
  const controller = 'kustomize-controller'
  let api: ApiProxy

  beforeAll(async () => {
    api = await startApiProxy({ direct: flow.platform.cluster.kubeconfig(controller), dir: flow.platform.dir, seed: 1 })
  })
  afterAll(() => api?.proxy.close())

  /** The n-th call that matches hangs, before the API server has seen it; then the process dies. */
  const dieAt = async (method: 'PATCH' | 'DELETE', nth: number): Promise<void> => {
    const path = /^\/api\/v1\/namespaces\/flows\/configmaps\/(?!.*dryRun)/
    api.proxy.use([{ fault: { kind: 'stall', at: 'request', ms: 60_000 }, methods: [method], path, skip: nth - 1, count: 1 }])
    const before = api.proxy.injected().length
    await flow.start(controller, { kubeconfig: api.kubeconfig, flags: ['--concurrent-ssa=1'] })
    await until(`the call number ${nth} hangs`, async () => (api.proxy.injected().length > before ? true : undefined))
    await flow.platform.controller(controller).kill('SIGKILL')
    api.proxy.use([])
    await flow.start(controller)
  }
  const end = (): Promise<void> => flow.platform.controller(controller).kill('SIGKILL')

  it('install, upgrade, prune and deletion', async () => {
    const app = 'between'
    const installed = await push(app, first)
    await apps.declare(app)
    await dieAt('PATCH', 3)
    await apps.settle(app, first, installed)
    await end()

    const upgraded = await push(app, second)
    await dieAt('PATCH', 3)
    await apps.settle(app, second, upgraded)
    await end()

    const pruned = await push(app, third)
    await dieAt('DELETE', 2)
    await apps.settle(app, third, pruned)
    await end()

    await apps.remove(app)
    await dieAt('DELETE', 2)
    await apps.settleGone(app)
    await end()
  })
})

describe('source-controller, killed at a step, serves the revision when it comes back', () => {
  it.each(['read login/begin', 'resolve revision/end', 'check out/begin', 'check out/end', 'store artifact/begin', 'store artifact/end', 'write status: ready/begin', 'write status: ready/end'])(
    '%s',
    async (killAt) => {
      const controller = 'source-controller'
      const app = 'served'
      const state: AppState = { maps: first.maps, value: killAt }
      await flow.platform.controller(controller).kill('SIGKILL')
      const commit = await apps.push(app, state)
      await flow.startDoomed(controller, killAt)
      await Promise.all([flow.start(controller), apps.declare(app)])
      await flow.start('kustomize-controller')
      await apps.settle(app, state, commit)
      await flow.platform.controller('kustomize-controller').kill('SIGKILL')
    },
  )
})

describe('after all of it', () => {
  beforeAll(async () => {
    await flow.start('kustomize-controller')
  })

  it('nothing that the last good revision declared was ever deleted', async () => {
    const audit = await flow.platform.cluster.readAudit()
    expect(audit.filter(({ verb, userAgent }) => verb === 'delete' && userAgent.startsWith('weir-')).length).toBeGreaterThan(10)
    expect(findWrongDeletions({ audit, revisions: apps.journal.revisions() })).toEqual([])
  })

  it('no secret can be read in a log, event, status or metric', async () => {
    const texts = await readPublicTexts(flow.platform)
    expect(texts.size).toBeGreaterThan(5)
    expect(findCanaries(Object.values(canaries), texts)).toEqual([])
  })

  it('no process and no temporary file is left', async () => {
    expect((await findProcesses(flow.platform.dir)).length).toBeGreaterThanOrEqual(2) // it finds those that are to run
    expect(await flow.platform.stopControllers()).toEqual([0, 0])
    expect(await findProcesses(flow.platform.dir)).toEqual([])
    expect(await findLeftFiles(flow.platform)).toEqual([])
  })
})
