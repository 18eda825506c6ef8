import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { apiVersionOf, gitRepositoryKind, kustomizationKind, type Condition, type Kind } from '@weir/shared/api'
import { itLeavesNothingBehind } from './fault-aftermath.ts'
import { startFaultRig, stateOf, type FaultRig } from './fault-rig.ts'
import { applyAs, readKustomization, readRepository, readyOf, until, untilApplied, untilFailed, type Named } from './fleet.ts'
import { configMap, kustomizationOf, namespace } from './flow.ts'
import type { ControllerName } from './platform.ts'
import { createShiftedClock, type ShiftedClock } from './shifted-clock.ts'

// Somebody sets the wall clock while leases are renewed, waits go on, retries and intervals run. What lasts is measured by monotonic clocks.

const controllers: readonly ControllerName[] = ['source-controller', 'kustomize-controller']
const election = ['--enable-leader-election', '--leader-election-retry-period=500ms']
/** Where the chart lets both of them have a lease. */
const env = { RUNTIME_NAMESPACE: 'weir-system' }
const leases: Kind = { group: 'coordination.k8s.io', version: 'v1', kind: 'Lease', plural: 'leases', namespaced: true }
const configMaps: Kind = { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true }
const [dayMs, hourMs] = [24 * 60 * 60_000, 60 * 60_000]
const app = 'clock'
const named = (name: string): Named => ({ namespace, name })

interface LeaseSpec {
  readonly holderIdentity?: string
  readonly renewTime?: string
  readonly leaseTransitions?: number
}

let rig: FaultRig
let clock: ShiftedClock
let pids: readonly number[]

beforeAll(async () => {
  rig = await startFaultRig({ seed: 20_260_106 })
  clock = createShiftedClock(rig.flow.platform.dir)
  await Promise.all(controllers.map((each) => rig.start(each, { env: { ...env, ...clock.env }, flags: election })))
  pids = processes().map(({ pid }) => pid)
  // The same repository once more, and nobody tells this source of a push: only its interval does.
  const spec = { url: `${rig.git.url}/apps.git`, secretRef: { name: 'git' }, interval: '1s', ref: { branch: 'main' } }
  await applyAs(rig.flow.platform.kube, { apiVersion: apiVersionOf(gitRepositoryKind), kind: 'GitRepository', metadata: named('polled'), spec })
})
afterAll(() => rig?.stop())

const processes = () => controllers.map((each) => rig.flow.platform.controller(each))

async function leaseOf(controller: ControllerName): Promise<LeaseSpec> {
  const found = await rig.flow.platform.kube.get({ resource: leases, namespace: env.RUNTIME_NAMESPACE, name: `${controller}-leader-election` })
  return (found?.spec ?? {}) as LeaseSpec
}

const held = ({ holderIdentity, leaseTransitions }: LeaseSpec): LeaseSpec => ({ ...(holderIdentity && { holderIdentity }), ...(leaseTransitions !== undefined && { leaseTransitions }) })

async function conditionsOf(name: string): Promise<readonly Condition[]> {
  return (await readKustomization(rig.flow.platform.kube, named(name)))?.status?.conditions ?? []
}

/** Somebody edits the first object of the app, and the edit does not last. */
async function untilDriftIsCorrected(declared: string, edited: string): Promise<void> {
  const { kube } = rig.flow.platform
  const target = { resource: configMaps, ...named(`${app}-a`) }
  await kube.patch(target, { type: 'merge', body: { data: { value: edited } }, manager: 'kubectl-edit' })
  const isMended = async (): Promise<true | undefined> => ((await kube.get(target))?.['data'] as { readonly value?: string } | undefined)?.value === declared || undefined
  await until(`the edit "${edited}" is undone`, isMended)
}

/** Before it the machine's own time; the third jump sets the clocks right. */
const jumps: readonly (readonly [string, number])[] = [
  ['a day ahead', dayMs],
  ['to a day behind', -dayMs],
  ['to where it belongs', 0],
]

describe.each(jumps)('the wall clock jumps %s', (name, offsetMs) => {
  const label = name.replaceAll(' ', '-')
  const later = `later-${label}`
  const waiting = stateOf(`waits ${name}`, 'a', 'b', 'c')
  const known: { commit: string; leaders: readonly LeaseSpec[] } = { commit: '', leaders: [] }
  const shiftedMs = (): number => Date.now() + offsetMs

  beforeAll(async () => {
    const { kube } = rig.flow.platform
    // One that waits, one that is tried again every second, one object that was corrected a moment ago.
    await rig.apps.declare(app, { interval: '1h', wait: false, timeout: '90s', healthChecks: [{ apiVersion: 'v1', kind: 'ConfigMap', name: `awaited-${label}`, namespace }] })
    await applyAs(kube, kustomizationOf(later, rig.apps.repository.named, { path: 'later', targetNamespace: later, retryInterval: '1s' }))
    known.commit = await rig.apps.repository.commit({ 'later/map.yaml': configMap('late', { value: name }) })
    known.commit = await rig.apps.push(app, waiting)
    const isWaiting = ({ type, message }: Condition): boolean => type === 'Reconciling' && message.startsWith('Running health checks') && message.includes(known.commit)
    await rig.explain(async () => {
      await until('it waits', async () => ((await conditionsOf(app)).some(isWaiting) ? true : undefined))
      await untilFailed(kube, named(later), 'ReconciliationFailed')
    })
    known.leaders = await Promise.all(controllers.map(leaseOf))
    await clock.shift(offsetMs, processes())
  })

  it.each(controllers)('the lease of %s is renewed at the new time by who held it', async (controller) => {
    const renewals = new Set<string>()
    const isNew = ({ renewTime = '' }: LeaseSpec): boolean => Math.abs(Date.parse(renewTime) - shiftedMs()) < hourMs
    await rig.explain(() =>
      until('it is renewed three times', async () => {
        const lease = await leaseOf(controller)
        if (isNew(lease)) renewals.add(lease.renewTime ?? '')
        return renewals.size >= 3 ? true : undefined
      }),
    )
    expect(held(await leaseOf(controller))).toEqual(held(known.leaders[controllers.indexOf(controller)] ?? {}))
  })

  it('a wait goes on, and ends when what it waits for is there', async () => {
    expect((await conditionsOf(app)).find(({ type }) => type === 'Ready')?.status).toBe('Unknown') // its 90 s are not over, though a day is
    await applyAs(rig.flow.platform.kube, { apiVersion: 'v1', kind: 'ConfigMap', metadata: named(`awaited-${label}`) })
    await rig.explain(() => rig.apps.settle(app, waiting, known.commit))
  })

  it('what failed is tried again at its own pace', async () => {
    const { kube } = rig.flow.platform
    await applyAs(kube, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: later } })
    await rig.explain(() => untilApplied(kube, named(later), known.commit))
    await kube.delete({ resource: kustomizationKind, ...named(later) })
  })

  it('drift is corrected, though the last correction is a day ago or still to come', async () => {
    await rig.explain(() => untilDriftIsCorrected(waiting.value, `edited ${name}`))
  })

  it('the next commit is found by an interval, applied, pruned, and its times are those of the clock', async () => {
    const { kube } = rig.flow.platform
    const next = stateOf(`after ${name}`, 'a')
    await rig.apps.declare(app)
    const commit = await rig.apps.push(app, next)
    await rig.explain(() => rig.apps.settle(app, next, commit))
    const polled = await rig.explain(() =>
      until('the source finds it by itself', async () => {
        const found = await readRepository(kube, named('polled'))
        return found?.status?.artifact?.revision.endsWith(commit) ? found : undefined
      }),
    )
    const times = [polled.status?.artifact?.lastUpdateTime, (await readKustomization(kube, named(app)))?.status?.history?.[0]?.lastReconciled, readyOf(await readKustomization(kube, named(app)))?.lastTransitionTime]
    for (const time of times) expect(Math.abs(Date.parse(time ?? '') - shiftedMs())).toBeLessThan(hourMs)
    // What is current is never too old to be kept.
    expect((await fetch((await readRepository(kube, rig.apps.repository.named))?.status?.artifact?.url ?? '')).status).toBe(200)
  })
})

describe('after all of it', () => {
  it('the same processes run', async () => {
    expect(processes().map(({ pid }) => pid)).toEqual(pids)
    for (const pid of pids) expect(() => process.kill(pid, 0)).not.toThrow()
    await rig.leave(app)
  })

  itLeavesNothingBehind(() => rig)
})
