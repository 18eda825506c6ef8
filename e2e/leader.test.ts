import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { readFile } from 'node:fs/promises'
import type { Kind } from '@weir/shared/api'
import { startApiProxy, type ApiProxy } from './api-proxy.ts'
import { createApps, gitWithLogin, type Apps, type AppState } from './canary-app.ts'
import { until } from './fleet.ts'
import { startFlow, type Flow } from './flow.ts'
import { findWrongDeletions } from './invariants.ts'
import type { StartOptions } from './platform.ts'

const controller = 'kustomize-controller'
const leases: Kind = { group: 'coordination.k8s.io', version: 'v1', kind: 'Lease', plural: 'leases', namespaced: true }
const lease = { resource: leases, namespace: 'flux-system', name: `${controller}-leader-election` }
/** Shorter than the defaults, which would make this a test of patience; long enough that no busy machine loses a lease by itself. */
const election = ['--enable-leader-election', '--leader-election-lease-duration=12s', '--leader-election-renew-deadline=10s', '--leader-election-retry-period=500ms', '--concurrent-ssa=1']
const [first, second] = [{ replica: 'first' }, { replica: 'second' }]
const mapWrites = { methods: ['PATCH'], path: /\/configmaps\/(?!.*dryRun)/ }

const before: AppState = { maps: ['a', 'b', 'c', 'd', 'e', 'f'], value: 'one' }
const after: AppState = { maps: ['a', 'b', 'c', 'g', 'h'], value: 'two' }

describe('two replicas of kustomize-controller', () => {
  let flow: Flow
  let apps: Apps
  let api: ApiProxy
  let through: StartOptions

  beforeAll(async () => {
    flow = await startFlow({ fleet: 'api', git: gitWithLogin })
    api = await startApiProxy({ direct: flow.platform.cluster.kubeconfig(controller), dir: flow.platform.dir, seed: 1 })
    apps = await createApps(flow)
    await flow.start('source-controller')
    through = { kubeconfig: api.kubeconfig, flags: election }
    await flow.start(controller, { ...first, ...through })
    await until('the first leads', async () => ((await holder()) === undefined ? undefined : true))
    await flow.start(controller, { ...second, ...through })
  })
  afterEach(() => api?.proxy.use([]))
  afterAll(async () => {
    await flow?.stop()
    await api?.proxy.close()
  })

  const holder = async (): Promise<string | undefined> => {
    const spec = (await flow.platform.kube.get(lease))?.spec as { readonly holderIdentity?: string } | undefined
    return spec?.holderIdentity
  }
  /** Of either replica, but for the lease: which one is told by the time. */
  const writes = async (from: number, to = Number.POSITIVE_INFINITY): Promise<readonly string[]> => {
    const audit = await flow.platform.cluster.readAudit()
    const own = audit.filter(({ verb, userAgent, requestUri }) => ['patch', 'delete', 'create'].includes(verb) && userAgent.startsWith(`weir-${controller}`) && !requestUri.includes('/leases'))
    return own.flatMap(({ startedAt, verb, requestUri }) => (startedAt.getTime() > from && startedAt.getTime() < to ? [`${startedAt.toISOString()} ${verb} ${requestUri}`] : []))
  }
  /** An Event is posted beside the run, a moment after its end. */
  const untilQuiet = (): Promise<true> => until('nobody writes any more', async () => ((await writes(Date.now() - 1_000)).length === 0 ? true : undefined), { everyMs: 100 })

  it('the second takes over when the first is killed in the middle of an apply; nothing declared is pruned, and one writes at a time', async () => {
    const holding = await holder()
    const installed = await apps.push('led', before)
    await apps.declare('led')
    await apps.settle('led', before, installed)
    expect(await holder()).toBe(holding)

    // The third write of the upgrade hangs on its way, and then its process dies.
    api.proxy.use([{ fault: { kind: 'stall', at: 'request', ms: 60_000 }, ...mapWrites, skip: 2, count: 1 }])
    const upgraded = await apps.push('led', after)
    await until('the third write hangs', async () => (api.proxy.injected().length > 0 ? true : undefined))
    await flow.platform.controller(controller, first.replica).kill('SIGKILL')
    const diedMs = Date.now()
    api.proxy.use([])

    await apps.settle('led', after, upgraded)
    expect(await holder()).not.toBe(holding)
    const taken = (await until('the heir holds the lease', async () => flow.platform.kube.get(lease))).spec as { readonly acquireTime: string }
    const acquiredMs = Date.parse(taken.acquireTime)
    expect(acquiredMs).toBeGreaterThan(diedMs + 1_000)
    expect(await writes(diedMs + 100, acquiredMs - 100)).toEqual([])
    expect(findWrongDeletions({ audit: await flow.platform.cluster.readAudit(), revisions: apps.journal.revisions() })).toEqual([])
  })

  it('a leader that is frozen in the middle of an apply until its lease is gone writes nothing when it wakes', async () => {
    const next: AppState = { ...after, value: 'three' }
    const frozen = flow.platform.controller(controller, second.replica)
    const holding = await holder()
    await flow.start(controller, { ...first, ...through })
    // The third write is done and its answer comes late, while nobody reads it: what the process finds first when it wakes.
    const met = api.proxy.injected().length
    api.proxy.use([{ fault: { kind: 'stall', at: 'response', ms: 2_000 }, ...mapWrites, skip: 2, count: 1 }])
    const commit = await apps.push('led', next)
    await until('the answer of the third write is late', async () => (api.proxy.injected().length > met ? true : undefined))
    process.kill(frozen.pid, 'SIGSTOP')
    await until('the other leads', async () => ((await holder()) === holding ? undefined : true))
    await apps.settle('led', next, commit)

    await untilQuiet()
    const wokenMs = Date.now()
    process.kill(frozen.pid, 'SIGCONT')
    expect(await frozen.exited).toBe(1)
    expect(await writes(wokenMs)).toEqual([])
    expect(findWrongDeletions({ audit: await flow.platform.cluster.readAudit(), revisions: apps.journal.revisions() })).toEqual([])
  })

  it('a leader whose lease is taken away in the middle of an apply writes nothing once it knows, and ends', async () => {
    const next: AppState = { ...before, value: 'four' }
    const robbed = flow.platform.controller(controller, first.replica)
    const met = api.proxy.injected().length
    api.proxy.use([{ fault: { kind: 'stall', at: 'response', ms: 700 }, ...mapWrites }]) // slower than the lease is looked at
    const commit = await apps.push('led', next)
    await until('it writes', async () => (api.proxy.injected().length > met ? true : undefined))
    const spec = { holderIdentity: 'somebody-else', leaseDurationSeconds: 3, renewTime: new Date().toISOString().replace('Z', '000Z') }
    await flow.platform.kube.patch(lease, { type: 'merge', body: { spec }, manager: 'somebody-else' })

    expect(await robbed.exited).toBe(1)
    const lostMs = await lastLineAt(robbed.log, 'lease lost')
    expect(api.proxy.injected().length - met).toBeLessThan(next.maps.length) // it was in the middle
    expect(await writes(lostMs)).toEqual([])
    api.proxy.use([])
    await flow.start(controller, { ...second, ...through })
    await apps.settle('led', next, commit)
    expect(findWrongDeletions({ audit: await flow.platform.cluster.readAudit(), revisions: apps.journal.revisions() })).toEqual([])
  })

  it('the lease is handed over at once when the leader is asked to stop', async () => {
    // A lease that nobody lives to see run out.
    const patient = ['--leader-election-lease-duration=3600s', '--leader-election-renew-deadline=1800s']
    await flow.platform.controller(controller, second.replica).kill('SIGTERM')
    await flow.start(controller, { ...second, ...through, flags: [...election, ...patient] })
    const holding = await until('the second leads', async () => (await holder()) || undefined)
    await flow.start(controller, { ...first, ...through })
    await flow.platform.controller(controller, second.replica).kill('SIGTERM')
    await until('the other leads', async () => {
      const now = await holder()
      return now !== undefined && now !== '' && now !== holding ? true : undefined
    })
    const next: AppState = { ...after, value: 'five' }
    const commit = await apps.push('led', next)
    await apps.settle('led', next, commit)
  })
})

/** When a controller said so the last time. */
async function lastLineAt(log: string, message: string): Promise<number> {
  const lines = (await readFile(log, 'utf8')).split('\n').filter((line) => line.includes(`"msg":"${message}"`))
  const { ts } = JSON.parse(lines.at(-1) ?? '{}') as { readonly ts?: string }
  if (ts === undefined) throw new Error(`${log} does not say "${message}"`)
  return Date.parse(ts)
}
