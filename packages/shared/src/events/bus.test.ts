import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { startNats } from '@weir/shared/control-plane'
import type { Nats } from '@weir/shared/control-plane'
import { createTelemetry, quietTelemetry, redactor } from '@weir/shared/telemetry'
import type { Telemetry } from '@weir/shared/telemetry'
import type { Bus, BusEvent, ReceivedEvent } from './bus.ts'
import { createInProcessBus } from './in-process-bus.ts'
import { createLateBus } from './late-bus.ts'
import { createNatsBus } from './nats-bus.ts'

const running: { server: Nats | undefined; buses: Bus[] } = { server: undefined, buses: [] }

beforeAll(async () => {
  running.server = await startNats()
})
afterEach(async () => {
  await Promise.all(running.buses.splice(0).map((bus) => bus.close()))
})
afterAll(() => running.server?.stop())

const implementations = [
  { name: 'in-process', create: (telemetry: Telemetry, cluster: string): Bus => createInProcessBus({ cluster, telemetry }) },
  { name: 'late', create: (telemetry: Telemetry, cluster: string): Bus => createLateBus({ telemetry, open: async () => createInProcessBus({ cluster, telemetry }) }) },
  { name: 'nats', create: (telemetry: Telemetry, cluster: string): Bus => createNatsBus({ cluster, telemetry, url: running.server?.url ?? '' }) },
]

const podinfo = { kind: 'GitRepository', namespace: 'default', name: 'podinfo.v2' }

function ready(revision: string, more: Partial<BusEvent> = {}): BusEvent {
  return { type: 'artifact-ready', subject: podinfo, facts: { revision }, ...more }
}

describe.each(implementations)('bus contract: $name', ({ create }) => {
  const clusters = { count: 0 }
  const start = (telemetry = quietTelemetry()): Bus => {
    clusters.count += 1
    const bus = create(telemetry, `test cluster.${clusters.count}`)
    running.buses.push(bus)
    return bus
  }
  const collect = async (bus: Bus, filter: Parameters<Bus['subscribe']>[0] = {}) => {
    const events: ReceivedEvent[] = []
    const subscription = bus.subscribe(filter, (event) => void events.push(event))
    await subscription.live
    return { events, subscription, revisions: () => events.map((event) => event.facts.revision) }
  }

  it('delivers an event with its facts, an id and a time', async () => {
    const bus = start()
    const { events } = await collect(bus)
    const facts = { revision: 'main@sha1:1', digest: 'sha256:2', originRevision: 'o', resourceVersion: '7', reason: 'R', message: 'm', durationsMs: { fetch: 3 } }
    bus.publish({ type: 'artifact-ready', subject: podinfo, facts })
    await until(() => events.length === 1)
    expect(events[0]).toEqual({ type: 'artifact-ready', subject: podinfo, facts, id: expect.stringMatching(/^[0-9a-f-]{36}$/), time: expect.any(Date) })
  })

  it('delivers what the filter names, and only from now on', async () => {
    const bus = start()
    const before = await collect(bus)
    bus.publish(ready('early'))
    await until(() => before.events.length === 1)
    const byType = await collect(bus, { type: 'applied' })
    const byKind = await collect(bus, { kind: 'Kustomization' })
    const byName = await collect(bus, { ...podinfo })
    const all = await collect(bus)
    bus.publish(ready('a'))
    bus.publish({ type: 'applied', subject: { kind: 'Kustomization', namespace: 'default', name: 'podinfo' }, facts: { revision: 'b' } })
    bus.publish({ type: 'applied', subject: { kind: 'Namespace', namespace: '', name: 'podinfo' }, facts: { revision: 'c' } })
    await until(() => all.events.length === 3)
    await until(() => byType.events.length === 2 && byKind.events.length === 1 && byName.events.length === 1)
    expect(byType.revisions()).toEqual(['b', 'c'])
    expect(byKind.revisions()).toEqual(['b'])
    expect(byName.revisions()).toEqual(['a'])
    expect(all.events[2]?.subject).toEqual({ kind: 'Namespace', namespace: '', name: 'podinfo' })
  })

  it('delivers the same id once', async () => {
    const bus = start()
    const { revisions } = await collect(bus)
    for (const revision of ['one', 'again', 'and again']) bus.publish(ready(revision, { id: 'uid/1' }))
    bus.publish(ready('last', { id: 'uid/2' }))
    await until(() => revisions().includes('last'))
    expect(revisions()).toEqual(['one', 'last'])
  })

  it('delivers an older state after a newer one: the order means nothing', async () => {
    const bus = start()
    const { events } = await collect(bus)
    for (const resourceVersion of ['12', '10', '11']) bus.publish(ready('r', { facts: { resourceVersion } }))
    await until(() => events.length === 3)
    expect(events.map((event) => event.facts.resourceVersion).sort()).toEqual(['10', '11', '12'])
  })

  it('gives every subscription its own copy and stops at close', async () => {
    const bus = start()
    const first = await collect(bus)
    const second = await collect(bus)
    bus.publish(ready('a'))
    await until(() => first.events.length === 1 && second.events.length === 1)
    first.subscription.close()
    first.subscription.close()
    bus.publish(ready('b'))
    await until(() => second.events.length === 2)
    expect(first.revisions()).toEqual(['a'])
  })

  it('never calls a receiver from inside publish, and survives one that throws', async () => {
    const lines: string[] = []
    const bus = start(createTelemetry({ controller: 'test', write: (line) => void lines.push(line), processMetrics: false }))
    const seen: string[] = []
    const { events } = await collect(bus)
    const broken = bus.subscribe({}, () => {
      seen.push('called')
      throw new Error('broken receiver')
    })
    await broken.live
    bus.publish(ready('a'))
    expect(seen).toEqual([])
    bus.publish(ready('b'))
    await until(() => events.length === 2 && seen.length === 2)
    expect(lines.filter((line) => line.includes('broken receiver'))).toHaveLength(2)
  })

  it('carries the trace of the publisher', async () => {
    const telemetry = quietTelemetry()
    const bus = start(telemetry)
    const { events } = await collect(bus)
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    telemetry.within(traceparent, () => bus.publish(ready('a')))
    await until(() => events.length === 1)
    expect(events[0]?.traceparent).toBe(traceparent)
  })

  it('lets no secret through and cuts long texts', async () => {
    redactor.add('canary-on-the-bus')
    const bus = start()
    const { events } = await collect(bus)
    bus.publish(ready('a', { facts: { message: `https://u:p@h/ canary-on-the-bus ${'x'.repeat(2_000_000)}`, revision: 'canary-on-the-bus' } }))
    await until(() => events.length === 1)
    expect(events[0]?.facts.message).toMatch(/^https:\/\/\*\*\*@h\/ \*\*\* x+$/)
    expect(events[0]?.facts.message?.length).toBeLessThanOrEqual(4096)
    expect(events[0]?.facts.revision).toBe('***')
  })

  it('takes bad facts without throwing', async () => {
    const bus = start()
    const { events } = await collect(bus)
    const facts = { revision: 5, message: '\ud800', durationsMs: { a: Number.NaN, b: 1 }, nonsense: {} } as unknown as BusEvent['facts']
    bus.publish(ready('a', { facts }))
    await until(() => events.length === 1)
    expect(events[0]?.facts.durationsMs).toEqual({ b: 1 })
    expect(events[0]?.facts).not.toHaveProperty('nonsense')
  })

  it('delivers a burst in whole', async () => {
    const bus = start()
    const { events } = await collect(bus)
    for (let index = 0; index < 2_000; index += 1) bus.publish(ready(String(index)))
    await until(() => events.length === 2_000)
    expect(bus.status()).toMatchObject({ connected: true, dropped: 0 })
    await until(() => bus.status().queued === 0)
  })

  it('is quiet after close', async () => {
    const telemetry = quietTelemetry()
    const bus = start(telemetry)
    const { events } = await collect(bus)
    bus.publish(ready('a'))
    await until(() => events.length === 1)
    await bus.close()
    await bus.close()
    bus.publish(ready('b'))
    const late = bus.subscribe({}, (event) => void events.push(event))
    await late.live
    await sleep(50)
    expect(events).toHaveLength(1)
    expect(bus.status()).toMatchObject({ connected: false, queued: 0 })
    expect(await telemetry.metrics.text()).toContain('weir_bus_events_published_total{type="artifact-ready"} 1')
  })
})

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('waited 10 s in vain')
    await sleep(5)
  }
}
