import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { createApps, gitWithLogin, type Apps, type AppState } from './canary-app.ts'
import { itLeavesNothingBehind } from './fault-aftermath.ts'
import { startFlow, type Flow } from './flow.ts'
import { togetherKills, type KillAt } from './kill-plan.ts'

// kill -9 of `weir all`: both controllers are gone at once, and come back at once. Its steps are those of killed-at-steps.

const controller = 'kustomize-controller' // either name means both
const app = 'both'

describe('weir all, killed at steps of either controller, converges when it comes back', () => {
  let flow: Flow
  let apps: Apps

  beforeAll(async () => {
    flow = await startFlow({ fleet: 'api', git: gitWithLogin, together: true })
    apps = await createApps(flow)
  })
  afterAll(() => flow?.stop())

  /** The commit waits for nobody: no process runs when it comes. */
  const dieAt = async (kills: readonly KillAt[], settled: () => Promise<void>): Promise<void> => {
    for (const killAt of kills) await flow.startDoomed(controller, killAt)
    await flow.start(controller)
    await settled()
  }
  const end = (): Promise<void> => flow.platform.controller(controller).kill('SIGKILL')

  it('install', async () => {
    const state: AppState = { maps: ['a', 'b', 'c'], value: 'one' }
    const commit = await apps.push(app, state)
    await apps.declare(app)
    await dieAt(togetherKills.install, () => apps.settle(app, state, commit))
  })

  it('upgrade that prunes', async () => {
    await end()
    const state: AppState = { maps: ['a', 'd'], value: 'two' }
    const commit = await apps.push(app, state)
    await dieAt(togetherKills.upgrade, () => apps.settle(app, state, commit))
  })

  it('finalize', async () => {
    await end()
    await apps.remove(app)
    await dieAt(togetherKills.finalize, () => apps.settleGone(app))
    const audit = await flow.platform.cluster.readAudit()
    expect(audit.filter(({ verb, userAgent }) => verb === 'delete' && userAgent.startsWith('weir-kustomize-controller')).length).toBeGreaterThan(3)
  })

  itLeavesNothingBehind(() => ({ flow, apps }), 1)
})
