import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { setTimeout as pause } from 'node:timers/promises'
import { gitRepositoryKind } from '@weir/shared/api'
import type { PartName } from '@weir/shared/control-plane'
import type { AppState } from './canary-app.ts'
import { itLeavesNothingBehind } from './fault-aftermath.ts'
import { startFaultRig, stateOf, type FaultRig } from './fault-rig.ts'
import { readKustomization, requestReconcile, until } from './fleet.ts'
import { namespace } from './flow.ts'

// The API server and its etcd end and come back, or freeze, while a fleet is applied: the same processes bring all of it to the new revision.

const names = Array.from({ length: 12 }, (_, index) => `fleet-${String(index + 1).padStart(2, '0')}`)
const controllers = ['source-controller', 'kustomize-controller'] as const

/** From SIGTERM to SIGKILL, as a kubelet does it. */
const graceMs = 3_000

/** A call ends after 60 s (packages/shared/src/kube/kube.ts). */
const frozenMs = 66_000

describe('a fleet of 12 under load', () => {
  let rig: FaultRig
  let pids: readonly number[]
  const fleetAt = (value: string, ...maps: readonly string[]): Readonly<Record<string, AppState>> => Object.fromEntries(names.map((name) => [name, stateOf(value, ...maps)]))
  const settleAll = async (states: Readonly<Record<string, AppState>>, commit: string): Promise<void> => {
    for (const [name, state] of Object.entries(states)) await rig.apps.settle(name, state, commit)
  }

  beforeAll(async () => {
    rig = await startFaultRig({ seed: 20_260_104 })
    await Promise.all(controllers.map((each) => rig.start(each)))
    pids = controllers.map((each) => rig.flow.platform.controller(each).pid)
    const first = fleetAt('zero', 'a', 'b')
    const commit = await rig.apps.pushAll(first)
    await Promise.all(names.map((name) => rig.apps.declare(name)))
    await settleAll(first, commit)
  })
  afterAll(() => rig?.stop())

  const end = async (part: PartName, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> => {
    const { cluster } = rig.flow.platform
    const pid = cluster.pid(part)
    if (pid === undefined) throw new Error(`${part} does not run`)
    if (signal === 'SIGKILL') return cluster.kill(part)
    process.kill(pid, signal)
    // The API server lets its watches run on for a minute; whoever stops a pod waits less, and kills.
    await until(`${part} has ended`, async () => (cluster.pid(part) === undefined ? true : undefined), { timeoutMs: graceMs, everyMs: 100 }).catch(() => cluster.kill(part))
  }

  /** Writes of kustomize-controller that ended without an answer, by its own count. */
  const countGivenUp = async (): Promise<number> => {
    const text = await (await fetch(rig.flow.platform.controller('kustomize-controller').metricsUrl)).text()
    return [...text.matchAll(/^rest_client_requests_total\{code="<error>",.*method="(?:DELETE|PATCH|POST)"\} (\d+)$/gm)].reduce((sum, [, count]) => sum + Number(count), 0)
  }

  const rows: readonly (readonly [PartName, 'SIGKILL' | 'SIGTERM', readonly string[]])[] = [
    ['etcd', 'SIGKILL', ['a', 'c']],
    ['etcd', 'SIGTERM', ['c', 'd']],
    ['kube-apiserver', 'SIGKILL', ['d']],
    ['kube-apiserver', 'SIGTERM', ['a', 'b']],
  ]
  it.each(rows)('%s ends by %s in the middle of an upgrade that prunes, and comes back: all are at the new revision', async (part, signal, maps) => {
    const { cluster, kube } = rig.flow.platform
    const next = fleetAt(`${part} ${signal}`, ...maps)
    const commit = await rig.apps.pushAll(next)
    await until('the first of them is at it', async () => {
      const found = await Promise.all(names.map((name) => readKustomization(kube, { namespace, name })))
      return found.some((each) => each?.status?.lastAppliedRevision?.endsWith(commit)) ? true : undefined
    })
    await end(part, signal)
    await cluster.restart(part)
    await rig.explain(() => settleAll(next, commit))
    await requestReconcile(kube, gitRepositoryKind, rig.apps.repository.named)
  })

  it('kube-apiserver answers nobody for longer than a call may last, in the middle of an upgrade that prunes: all are at the new revision', async () => {
    const { cluster } = rig.flow.platform
    const next = fleetAt('frozen', 'b', 'd')
    const api = rig.api['kustomize-controller']
    const [met, before] = [api.injected().length, await countGivenUp()]
    // A deletion is on its way when it freezes, and gets there a moment later.
    api.use([{ fault: { kind: 'stall', at: 'request', ms: 2_000 }, methods: ['DELETE'], path: /\/configmaps\// }])
    const commit = await rig.apps.pushAll(next)
    await until('a deletion is on its way', async () => (api.injected().length > met ? true : undefined))
    await cluster.pause('kube-apiserver')
    await pause(frozenMs)
    const givenUp = await countGivenUp()
    rig.calm()
    cluster.resume('kube-apiserver')
    await rig.explain(() => settleAll(next, commit))
    expect(givenUp).toBeGreaterThan(before) // it did not wait for ever
  }, 240_000)

  it('in the same processes', () => {
    expect(controllers.map((each) => rig.flow.platform.controller(each).pid)).toEqual(pids)
    for (const pid of pids) expect(() => process.kill(pid, 0)).not.toThrow()
  })

  it('and what is deleted while nobody answers goes when somebody does', async () => {
    const { cluster } = rig.flow.platform
    await Promise.all(names.map((name) => rig.apps.remove(name)))
    await cluster.kill('kube-apiserver')
    await cluster.restart('kube-apiserver')
    await rig.explain(async () => {
      for (const name of names) await rig.apps.settleGone(name)
    })
  })

  itLeavesNothingBehind(() => rig)
})
