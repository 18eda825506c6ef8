import { afterAll, describe, expect, it } from '@jest/globals'
import { gitRepositoryKind, type GitRepository } from '@weir/shared/api'
import { customResourceDefinitions, decodeGitRepository } from '@weir/shared/api/schemas'
import { installObjects } from '@weir/shared/control-plane'
import { createCache, createKube, loadConfig, type KubeObject } from '@weir/shared/kube'
import { quietTelemetry } from '@weir/shared/telemetry'
import { testControlPlane } from '@weir/shared/testing'
import { systemClock } from './clock.ts'
import { createController, decodeStored, type Controller, type ControllerOptions, type RunEnd } from './controller.ts'
import type { KindTable } from './kind-table.ts'
import { failing, ready, type Outcome } from './outcome.ts'
import { lead } from './process/lead.ts'
import { createLimit } from './queue/limit.ts'
import { sourceTable } from './toys/toy-table.ts'

const telemetry = quietTelemetry()
const stored = (revision = 'main@sha1:1'): Outcome => ready('Succeeded', `stored artifact for revision '${revision}'`, ['ArtifactInStorage'])

const plane = await testControlPlane({ fleet: 'api', fresh: true })
const ending: (() => Promise<void>)[] = [() => plane.stop()]
afterAll(async () => {
  for (const end of ending.reverse()) await end()
})

const kubeconfig = plane.kubeconfig()
await installObjects(customResourceDefinitions(), { kubeconfig })
const kube = await createKube({ config: await loadConfig({ kubeconfig }), userAgent: 'weir-test/0', telemetry })
ending.push(() => kube.close())

interface World {
  readonly controller: Controller
  readonly ends: RunEnd<GitRepository>[]
  readonly runs: { count: number }
}

async function control(namespace: string, reconcile: ControllerOptions<GitRepository>['reconcile'], given: Partial<ControllerOptions<GitRepository>> = {}): Promise<World> {
  const abort = new AbortController()
  const ends: RunEnd<GitRepository>[] = []
  const runs = { count: 0 }
  const controller = createController<GitRepository>({
    table: sourceTable as unknown as KindTable<GitRepository>,
    kube,
    cache: createCache({ kube, kind: gitRepositoryKind, namespace, decode: decodeStored(decodeGitRepository), signal: abort.signal }),
    clock: systemClock,
    telemetry,
    recorder: { record: () => undefined, close: async () => undefined },
    limit: createLimit(),
    retry: { minMs: 100, maxMs: 1_000 },
    jitterPercent: 0,
    reconcile: (object, step, run) => (runs.count++, reconcile(object, step, run)),
    finalize: async () => 'finalized',
    settled: (end) => void ends.push(end),
    ...given,
  })
  ending.push(async () => {
    await controller.drain(1_000)
    abort.abort()
  })
  await controller.start()
  return { controller, ends, runs }
}

async function newNamespace(name: string): Promise<string> {
  await kube.create({ group: '', version: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false }, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
  return name
}

const target = (namespace: string, name = 'app') => ({ resource: gitRepositoryKind, namespace, name })

async function create(namespace: string, name = 'app'): Promise<void> {
  const spec = { url: 'https://example.com/app', interval: '10m' }
  await kube.create(gitRepositoryKind, { apiVersion: 'source.toolkit.fluxcd.io/v1', kind: 'GitRepository', metadata: { namespace, name }, spec })
}

async function read(namespace: string, name = 'app'): Promise<GitRepository | undefined> {
  return (await kube.get(target(namespace, name))) as unknown as GitRepository | undefined
}

async function eventually(check: () => Promise<unknown> | unknown): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if (await check()) return
    await systemClock.sleep(25)
  }
  throw new Error(`never true: ${String(check)}`)
}

const isReadyAt = async (namespace: string, generation: number, name = 'app'): Promise<boolean> => {
  const status = (await read(namespace, name))?.status
  return status?.observedGeneration === generation && status.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') === true
}

describe('on a real API server', () => {
  it('an object lives from its finalizer to its end', async () => {
    const namespace = await newNamespace('life')
    await create(namespace)
    const { runs } = await control(namespace, async () => stored())
    await eventually(() => isReadyAt(namespace, 1))
    const object = await read(namespace)
    expect(object?.metadata.finalizers).toEqual(['finalizers.fluxcd.io'])
    expect(object?.status?.conditions?.map(({ type }) => type)).toEqual(['Ready', 'ArtifactInStorage'])
    expect(object?.metadata.managedFields?.filter(({ manager }) => manager === 'source-controller').map(({ subresource }) => subresource ?? 'spec').sort()).toEqual(['spec', 'status'])

    await kube.patch(target(namespace), { type: 'merge', body: { metadata: { annotations: { 'reconcile.fluxcd.io/requestedAt': 'now' } } } })
    await eventually(async () => (await read(namespace))?.status?.lastHandledReconcileAt === 'now')
    await kube.patch(target(namespace), { type: 'merge', body: { metadata: { labels: { some: 'label' } } } })
    await kube.patch(target(namespace), { type: 'merge', body: { spec: { interval: '20m' } } })
    await eventually(() => isReadyAt(namespace, 2))
    await systemClock.sleep(200)
    expect(runs.count).toBe(3) // own writes and labels wake nothing

    await kube.delete(target(namespace))
    await eventually(async () => (await read(namespace)) === undefined)
  })

  it('a status write gives way to another writer and keeps what he wrote', async () => {
    const namespace = await newNamespace('race')
    await create(namespace)
    const foreign = { type: 'Audited', status: 'True', reason: 'ByHand', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' }
    const { ends } = await control(namespace, async (_object, step) => {
      await step('race', async () => {
        await kube.patch(target(namespace), { type: 'merge', subresource: 'status', body: { status: { conditions: [foreign] } } })
      })
      return stored()
    })
    await eventually(() => isReadyAt(namespace, 1))
    expect((await read(namespace))?.status?.conditions?.map(({ type }) => type)).toEqual(['Ready', 'ArtifactInStorage', 'Audited'])
    expect(ends).toHaveLength(1)
  })

  it('the answers of its own writes are read before the watch brings them', async () => {
    const namespace = await newNamespace('own')
    await create(namespace)
    const seen: (string | undefined)[] = []
    const outcomes = [stored(), failing({ reason: 'GitOperationFailed', message: 'no route', blames: 'FetchFailed' })]
    await control(namespace, async (object) => {
      seen.push(object.status?.conditions?.find(({ type }) => type === 'FetchFailed')?.message)
      return outcomes.pop() ?? stored()
    })
    await eventually(() => isReadyAt(namespace, 1))
    expect(seen).toEqual([undefined, 'no route'])
  })

  it('a hundred objects converge with two calls each', async () => {
    const namespace = await newNamespace('hundred')
    const names = Array.from({ length: 100 }, (_, index) => `app-${index}`)
    await Promise.all(names.map((name) => create(namespace, name)))
    const { ends, controller } = await control(namespace, async () => stored())
    await eventually(() => ends.length === 100)
    expect(controller.busy()).toBe(0)
    const audit = (await plane.readAudit()).filter((entry) => JSON.stringify(entry).includes('"hundred"') && JSON.stringify(entry).includes('patch'))
    expect(audit.length).toBeGreaterThanOrEqual(200)
    expect(audit.length).toBeLessThan(220)
  })

  it('an outage of the API server is no fact about an object', async () => {
    const namespace = await newNamespace('outage')
    await create(namespace)
    const { controller, ends } = await control(namespace, async (object, step) => {
      await step('look', (signal) => kube.get(target(namespace, object.metadata.name), { signal }))
      return stored()
    })
    await eventually(() => isReadyAt(namespace, 1))
    const before = JSON.stringify((await read(namespace))?.status)
    await plane.kill('kube-apiserver')
    controller.wake({ namespace, name: 'app' }, 'interval')
    await systemClock.sleep(1_500)
    await plane.restart('kube-apiserver')
    await eventually(() => ends.length >= 2)
    expect(JSON.stringify((await read(namespace))?.status)).toBe(before)
    expect(ends.every(({ outcome }) => outcome.kind === 'ready')).toBe(true)
  })

  it('one of two processes leads; the other follows at once when it is let', async () => {
    const namespace = await newNamespace('leases')
    const durations = { leaseMs: 3_000, renewMs: 2_000, retryMs: 200 }
    const run = (identity: string, signal: AbortSignal) =>
      lead({ kube: kube.as({ userAgent: `weir-${identity}/0` }), clock: systemClock, telemetry, controller: 'toy', lease: { namespace, name: 'toy' }, identity, durations, signal })
    const never = new AbortController()
    const a = run('a', never.signal)
    await a.acquired
    const b = run('b', never.signal)
    await systemClock.sleep(700)
    expect([a.holding(), b.holding()]).toEqual([true, false])
    await a.release()
    await b.acquired
    expect([a.holding(), b.holding()]).toEqual([false, true])
    const lease = (await kube.get({ resource: { group: 'coordination.k8s.io', version: 'v1', kind: 'Lease', plural: 'leases', namespaced: true }, namespace, name: 'toy' })) as KubeObject
    expect(lease.spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 })
    await b.release()
  })
})
