import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { gitRepositoryKind, type Kind } from '@weir/shared/api'
import { createNatsBus, readClusterName, type Bus, type EventType, type ReceivedEvent } from '@weir/shared/events'
import { quietTelemetry } from '@weir/shared/telemetry'
import type { FaultRule } from '@weir/shared/testing'
import { startApiProxy } from './api-proxy.ts'
import { tailOf } from './controller-process.ts'
import { applyAs, readKustomization, requestReconcile, until, untilAnswered, untilApplied, untilFailed } from './fleet.ts'
import { configMap, kustomizationOf, namespace, startFlow, type Flow, type FlowRepository } from './flow.ts'
import { countRuns, countSettledRuns } from './runs.ts'

const configMaps: Kind = { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true }
const named = { namespace, name: 'app' }

describe('the bus, a real nats-server', () => {
  let flow: Flow
  let repository: FlowRepository
  let bus: Bus
  const heard: ReceivedEvent[] = []
  const log: string[] = []

  beforeAll(async () => {
    flow = await startFlow({ fleet: 'api', nats: true })
    const { platform } = flow
    bus = createNatsBus({ url: platform.nats?.url ?? '', cluster: await readClusterName(platform.kube), telemetry: quietTelemetry() })
    await bus.subscribe({}, (event) => void heard.push(event)).live
    await Promise.all([flow.start('source-controller'), flow.start('kustomize-controller')])
    repository = await flow.repository('app', { files: { 'map.yaml': configMap('told', { value: 'one' }) } })
    await applyAs(platform.kube, kustomizationOf('app', repository.named, { wait: true }))
    await untilApplied(platform.kube, named, await repository.remote.resolve('main'))
  })
  afterAll(async () => {
    await bus?.close()
    await flow?.stop()
  })

  /** The first event of a type about a kind, at a revision or with a message. */
  const hear = (type: EventType, kind: string, text: string): Promise<ReceivedEvent> =>
    until(
      `${type} of a ${kind} with ${text}`,
      async () => heard.find((event) => event.type === type && event.subject.kind === kind && JSON.stringify(event.facts).includes(text)),
      { timeoutMs: 15_000, seen: () => heard.map((event) => `${event.type} ${event.facts.revision ?? ''}`) },
    )
  const commit = (value: string): Promise<string> => repository.commit({ 'map.yaml': configMap('told', { value }) })
  const settled = async (value: string): Promise<void> => {
    const revision = await commit(value)
    await untilApplied(flow.platform.kube, named, revision)
    log.push(revision)
  }

  it('tells of the artifact, of the apply and of convergence, in this order, with revision and resourceVersion', async () => {
    const revision = await commit('two')
    await untilApplied(flow.platform.kube, named, revision)
    const told = [await hear('artifact-ready', 'GitRepository', revision), await hear('applied', 'Kustomization', revision), await hear('converged', 'Kustomization', revision)]
    expect(told.map(({ time }) => time.getTime())).toEqual(told.map(({ time }) => time.getTime()).sort((a, b) => a - b))
    for (const event of told) expect(event.subject).toMatchObject({ namespace, name: 'app' })
    const source = await flow.platform.kube.get({ resource: gitRepositoryKind, ...repository.named })
    expect(told[0]?.facts.resourceVersion).toBe(source?.metadata.resourceVersion)
    expect(told[0]?.id).toBe(`${source?.metadata.uid}/${source?.metadata.resourceVersion}`)
    expect(told[2]?.facts.resourceVersion).toBe((await readKustomization(flow.platform.kube, named))?.metadata.resourceVersion)
  })

  it('tells once of each: steady intervals and other wakes are no news', async () => {
    const { kube } = flow.platform
    const runs = (): Promise<number> => countRuns(flow.platform, named)
    await applyAs(kube, kustomizationOf('app', repository.named, { wait: true, interval: '1s' }))
    const revision = await commit('once')
    await untilApplied(kube, named, revision)
    await hear('converged', 'Kustomization', revision)
    const [known, before] = [heard.length, await runs()]
    await until('two intervals have passed', async () => ((await runs()) >= before + 2 ? true : undefined))
    await requestReconcile(kube, gitRepositoryKind, repository.named)
    await untilAnswered(kube, gitRepositoryKind, repository.named)
    // What is told arrives in order: whatever any of this told is heard before the next commit is.
    const next = await commit('next')
    await untilApplied(kube, named, next)
    await hear('converged', 'Kustomization', next)
    const news = heard.slice(known).map(({ type, subject, facts }) => `${type} ${subject.kind} ${facts.revision}`)
    expect(news).toEqual([`artifact-ready GitRepository main@sha1:${next}`, `applied Kustomization main@sha1:${next}`, `converged Kustomization main@sha1:${next}`])
    await applyAs(kube, kustomizationOf('app', repository.named, { wait: true }))
    await untilApplied(kube, named, next)
  })

  it('reconcile-requested makes a source look for what nobody else told it of', async () => {
    const silent = await repository.remote.git(['commit-tree', '-p', 'main', '-m', 'silent', `${(await repository.remote.git(['rev-parse', 'main~1^{tree}'])).trim()}`])
    await repository.remote.setRef('refs/heads/main', silent.trim()) // no hook: nobody sets a token
    bus.publish({ type: 'reconcile-requested', subject: { kind: 'GitRepository', ...repository.named }, facts: {} })
    await untilApplied(flow.platform.kube, named, silent.trim())
  })

  it('reconcile-requested makes a Kustomization run', async () => {
    const before = await countSettledRuns(flow.platform, named)
    bus.publish({ type: 'reconcile-requested', subject: { kind: 'Kustomization', ...named }, facts: {} })
    await until('it ran', async () => ((await countRuns(flow.platform, named)) > before ? true : undefined))
    expect(await countSettledRuns(flow.platform, named)).toBe(before + 1)
  })

  it('an announced artifact wakes who builds it, though the watch of sources says nothing', async () => {
    const controller = 'kustomize-controller'
    const { cluster, dir } = flow.platform
    const rules: readonly FaultRule[] = [{ fault: { kind: 'stall', at: 'response', ms: 60_000 }, path: /gitrepositories\?.*watch=(true|1)/ }]
    const api = await startApiProxy({ direct: cluster.kubeconfig(controller), dir, seed: 1, rules })
    await flow.platform.controller(controller).kill('SIGTERM')
    await flow.start(controller, { kubeconfig: api.kubeconfig })
    const revision = await commit('announced')
    await untilApplied(flow.platform.kube, named, revision, 15_000)
    expect(api.proxy.injected().length).toBeGreaterThan(0)
    await flow.platform.controller(controller).kill('SIGTERM')
    await api.proxy.close()
    await flow.start(controller)
  })

  it('tells of drift: that it was seen and that it was corrected, and by whom', async () => {
    await settled('drift')
    const target = { resource: configMaps, namespace, name: 'told' }
    await flow.platform.kube.patch(target, { type: 'merge', body: { data: { value: 'by hand' } }, manager: 'kubectl-edit' })
    const seen = await hear('drift-detected', 'Kustomization', 'kubectl-edit')
    const corrected = await hear('drift-corrected', 'Kustomization', 'kubectl-edit')
    expect(seen.facts.message).toContain('ConfigMap/flows/told')
    expect(corrected.subject).toMatchObject(named)
    await until('it is corrected', async () => (JSON.stringify((await flow.platform.kube.get(target))?.['data']) === '{"value":"drift"}' ? true : undefined))
  })

  it('tells of a failure with its reason, and of the convergence that follows', async () => {
    await repository.commit({ 'kustomization.yaml': 'resources: [missing.yaml]\n' })
    await untilFailed(flow.platform.kube, named, 'BuildFailed')
    expect((await hear('failed', 'Kustomization', 'missing.yaml')).facts.reason).toBe('BuildFailed')
    const fixed = await repository.commit({ 'kustomization.yaml': undefined })
    await untilApplied(flow.platform.kube, named, fixed)
    await hear('converged', 'Kustomization', fixed)
  })

  describe('is only speed: everything converges', () => {
    const nats = (): NonNullable<Flow['platform']['nats']> => {
      if (flow.platform.nats === undefined) throw new Error('this platform has a bus')
      return flow.platform.nats
    }

    it('when it is killed in mid-flight, and while it is away', async () => {
      const revision = await commit('killed')
      await nats().kill()
      await untilApplied(flow.platform.kube, named, revision)
      await settled('away')
    })

    it('when the controllers start without it, and it comes late', async () => {
      await flow.platform.stopControllers()
      await Promise.all([flow.start('source-controller'), flow.start('kustomize-controller')])
      await settled('started without')
      await nats().restart()
      await settled('it came')
    })

    it('when it is back: events are heard again, those of the meantime too', async () => {
      const revision = await commit('back')
      await untilApplied(flow.platform.kube, named, revision)
      await hear('converged', 'Kustomization', revision)
      await hear('converged', 'Kustomization', log.at(-2) ?? 'what was told while it was away')
    })

    it('when it is frozen: connections stay open and say nothing', async () => {
      await nats().pause()
      await settled('frozen')
      nats().resume()
      await hear('converged', 'Kustomization', log.at(-1) ?? '')
    })

    it('and a stop does not wait for it', async () => {
      await nats().kill()
      const stopped = (['source-controller', 'kustomize-controller'] as const).map((each) => flow.platform.controller(each))
      const codes = await flow.platform.stopControllers()
      const told = codes.some((code) => code !== 0) ? await Promise.all(stopped.map(({ log }) => tailOf(log))) : []
      expect([codes, ...told]).toEqual([[0, 0]])
    })
  })
})
