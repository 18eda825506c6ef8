import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { createNatsBus, readClusterName, type Bus, type ReceivedEvent } from '@weir/shared/events'
import { quietTelemetry } from '@weir/shared/telemetry'
import type { FaultRule } from '@weir/shared/testing'
import type { AppState } from './canary-app.ts'
import { itLeavesNothingBehind } from './fault-aftermath.ts'
import { nameOf, startFaultRig, stateOf, type FaultRig } from './fault-rig.ts'
import { readKustomization, readRepository, until } from './fleet.ts'
import { namespace } from './flow.ts'
import { countSettledRuns } from './runs.ts'

// Trouble between the controllers and the bus: it changes no outcome, only how soon it comes. That the server goes away is in bus.test.ts.

let rig: FaultRig
let bus: Bus
const heard: ReceivedEvent[] = []

beforeAll(async () => {
  rig = await startFaultRig({ seed: 20_260_103, nats: true })
  const { platform } = rig.flow
  bus = createNatsBus({ url: platform.nats?.url ?? '', cluster: await readClusterName(platform.kube), telemetry: quietTelemetry() })
  await bus.subscribe({}, (event) => void heard.push(event)).live
  await Promise.all([rig.start('source-controller'), rig.start('kustomize-controller')])
})
afterEach(() => rig.calm())
afterAll(async () => {
  await bus?.close()
  await rig?.stop()
})

describe('between both controllers and the bus', () => {
  // The proxy does not look into the protocol: a rule is about a connection.
  const rows: readonly (readonly [string, readonly FaultRule[]])[] = [
    ['connections broken before they are open', [{ fault: { kind: 'reset', at: 'request' } }]],
    ['connections broken at the first answer', [{ fault: { kind: 'reset', at: 'response' } }]],
    ['connections that stall', [{ fault: { kind: 'stall', at: 'request', ms: 60_000 } }]],
    ['connections cut again and again by time', [{ fault: { kind: 'cut', afterMs: 300 } }]],
    ['connections cut in the middle of a message', [{ fault: { kind: 'cut', afterBytes: 1_500 } }]],
    ['slow connections', [{ fault: { kind: 'slow', bytesPerSecond: 1_000 } }]],
  ]

  it.each(rows)('%s: install, upgrade, prune and deletion converge', async (name, rules) => {
    const app = nameOf('bus', name)
    const proxy = rig.bus
    if (proxy === undefined) throw new Error('this rig has a bus')
    const before = proxy.injected().length
    proxy.use(rules)
    proxy.breakAll() // what is open now knows nothing of the rules
    await rig.explain(() => until('a connection met its fault', async () => (proxy.injected().length > before ? true : undefined), { timeoutMs: 20_000 }))
    await rig.live(app)
    await rig.leave(app)
  })

  it('events are heard again when the trouble is over', async () => {
    rig.bus?.breakAll()
    const app = 'bus-again'
    const [first, next] = [stateOf('one', 'a'), stateOf('two', 'a')]
    const commit = await rig.apps.push(app, first)
    await rig.apps.declare(app)
    await rig.apps.settle(app, first, commit)
    const changed = await rig.apps.push(app, next)
    await rig.apps.settle(app, next, changed)
    const said = (revision: string): true | undefined => (heard.some(({ type, subject, facts }) => type === 'converged' && subject.name === app && facts.revision?.endsWith(revision) === true) ? true : undefined)
    await rig.explain(() => until('its convergence is heard', async () => said(changed)))
    // source-controller has a connection of its own, and may have to wait longer before it tries again.
    const announced = async (): Promise<true | undefined> => (heard.some(({ type, facts }) => type === 'artifact-ready' && facts.revision?.endsWith(changed) === true) ? true : undefined)
    await rig.explain(() => until('its artifact is heard of', announced))
    await rig.leave(app)
  })
})

describe('events that nobody should believe', () => {
  const app = 'told'
  const named = { namespace, name: app }
  const [first, second] = [stateOf('one', 'a', 'b'), stateOf('two', 'a')]

  const upgrade = async (state: AppState): Promise<string> => {
    const commit = await rig.apps.push(app, state)
    await rig.explain(() => rig.apps.settle(app, state, commit))
    return commit
  }
  const runs = (): Promise<number> => countSettledRuns(rig.flow.platform, named)
  /** Of everything that a run of the app could write. */
  const versions = async (): Promise<readonly unknown[]> => {
    const { kube } = rig.flow.platform
    const [own, source] = [await readKustomization(kube, named), await readRepository(kube, rig.apps.repository.named)]
    return [own?.metadata.resourceVersion, source?.metadata.resourceVersion]
  }
  /** Nothing runs and nothing is written once all of it was heard; and the next commit costs the one run that it always costs. */
  const expectUnmoved = async (tell: () => Promise<void>, next: AppState): Promise<void> => {
    const before = { runs: await runs(), versions: await versions() }
    await tell()
    expect({ runs: await runs(), versions: await versions() }).toEqual(before)
    await upgrade(next)
    expect(await runs()).toBe(before.runs + 1)
  }

  it('told twice, late and out of order, of a revision that was tried already: nothing runs', async () => {
    const installed = await rig.apps.push(app, first)
    await rig.apps.declare(app)
    await rig.explain(() => rig.apps.settle(app, first, installed))
    const before = await runs()
    const upgraded = await upgrade(second)
    expect(await runs()).toBe(before + 1)

    const announced = (commit: string): ReceivedEvent | undefined => heard.find(({ type, facts }) => type === 'artifact-ready' && facts.revision?.endsWith(commit))
    const ready = await Promise.all([upgraded, installed].map((commit) => until(`the artifact of ${commit} is heard of`, async () => announced(commit))))
    const tell = async (): Promise<void> => {
      for (let round = 0; round < 20; round++) for (const { type, subject, facts } of ready) bus.publish({ type, subject, facts })
      const marker = heard.length
      await until('they are out', async () => (heard.length >= marker + 20 * ready.length ? true : undefined))
    }
    await expectUnmoved(tell, stateOf('three', 'a'))
  })

  it('an artifact that does not exist, of a source that does and of one that does not: nothing changes, and the next commit is applied', async () => {
    const real = heard.findLast(({ type }) => type === 'artifact-ready')
    if (real === undefined) throw new Error('an artifact was announced')
    const lie = { ...real.facts, revision: `main@sha1:${'f'.repeat(40)}`, digest: `sha256:${'e'.repeat(64)}`, resourceVersion: '99999999' }
    const tell = async (): Promise<void> => {
      bus.publish({ type: 'artifact-ready', subject: real.subject, facts: lie })
      bus.publish({ type: 'artifact-ready', subject: { ...real.subject, name: 'nobody' }, facts: lie })
      bus.publish({ type: 'converged', subject: { kind: 'Kustomization', ...named }, facts: lie })
      await until('the lies are out', async () => (heard.filter(({ facts }) => facts.revision === lie.revision).length >= 3 ? true : undefined))
    }
    await expectUnmoved(tell, stateOf('four', 'a', 'c'))
    await rig.leave(app)
  })
})

describe('after all of it', () => {
  itLeavesNothingBehind(() => rig)
})
