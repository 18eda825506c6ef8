import { afterEach, describe, expect, it } from '@jest/globals'
import { KubeError, type Kube, type KubeObject } from '@weir/shared/kube'
import { createTelemetry, quietTelemetry } from '@weir/shared/telemetry'
import type { Bus, BusEvent, ReceivedEvent } from './bus.ts'
import { untilClusterName } from './cluster-name.ts'
import { createInProcessBus } from './in-process-bus.ts'
import { createLateBus } from './late-bus.ts'

const subject = { kind: 'GitRepository', namespace: 'default', name: 'podinfo' }
const ready = (revision: string): BusEvent => ({ type: 'artifact-ready', subject, facts: { revision } })
const revisionsOf = (events: readonly ReceivedEvent[]): readonly unknown[] => events.map(({ facts }) => facts.revision)
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const buses: Bus[] = []
afterEach(async () => {
  for (const bus of buses.splice(0)) await bus.close()
})

function setUp({ outboxLimit = 1_000 } = {}) {
  const telemetry = quietTelemetry()
  const inner = createInProcessBus({ cluster: 'test', telemetry })
  const opening = Promise.withResolvers<Bus>()
  const signals: AbortSignal[] = []
  const bus = createLateBus({
    telemetry,
    outboxLimit,
    open(signal) {
      signals.push(signal)
      signal.addEventListener('abort', () => opening.reject(signal.reason as Error))
      return opening.promise
    },
  })
  buses.push(bus)
  const open = async (): Promise<void> => {
    opening.resolve(inner)
    await turn()
    await turn()
  }
  return { telemetry, inner, bus, open, signals }
}

describe('a bus that is not there yet', () => {
  it('keeps subscriptions and events for it, and the trace of the publisher', async () => {
    const { bus, open, telemetry } = setUp()
    const events: ReceivedEvent[] = []
    const live: string[] = []
    void bus.subscribe({}, (event) => void events.push(event)).live.then(() => live.push('live'))
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    telemetry.within(traceparent, () => bus.publish(ready('early')))
    await turn()
    expect([events, live, bus.status()]).toEqual([[], [], { implementation: 'nats', connected: false, queued: 1, dropped: 0 }])
    expect(await telemetry.metrics.text()).toContain('weir_bus_connected 0')
    await open()
    bus.publish(ready('later'))
    await turn()
    expect([revisionsOf(events), live, events[0]?.traceparent]).toEqual([['early', 'later'], ['live'], traceparent])
    expect(bus.status()).toMatchObject({ connected: true, queued: 0 })
    expect(await telemetry.metrics.text()).toContain('weir_bus_connected 1')
  })

  it('drops the oldest where too many wait, and counts them', async () => {
    const { bus, open, telemetry } = setUp({ outboxLimit: 2 })
    const events: ReceivedEvent[] = []
    bus.subscribe({}, (event) => void events.push(event))
    for (const revision of ['a', 'b', 'c', 'd']) bus.publish(ready(revision))
    await open()
    expect([revisionsOf(events), bus.status().dropped]).toEqual([['c', 'd'], 2])
    expect(await telemetry.metrics.text()).toContain('weir_bus_events_dropped_total 2')
  })

  it('forgets a subscription that was closed before', async () => {
    const { bus, open } = setUp()
    const events: ReceivedEvent[] = []
    const subscription = bus.subscribe({}, (event) => void events.push(event))
    subscription.close()
    await subscription.live
    bus.publish(ready('a'))
    await open()
    expect(events).toEqual([])
  })

  it('closes, though it never comes', async () => {
    const { bus, signals } = setUp()
    const subscription = bus.subscribe({}, () => undefined)
    bus.publish(ready('a'))
    await bus.close()
    await bus.close()
    await subscription.live
    await bus.subscribe({}, () => undefined).live
    bus.publish(ready('b'))
    expect(signals[0]?.aborted).toBe(true)
    expect(bus.status()).toEqual({ implementation: 'nats', connected: false, queued: 0, dropped: 1 })
  })
})

describe('untilClusterName', () => {
  const kubeSystem = { metadata: { name: 'kube-system', uid: 'u-1' } } as unknown as KubeObject

  it('asks again until there is an answer, whatever is wrong', async () => {
    const answers = [() => Promise.reject(new KubeError('unreachable', 'get')), () => Promise.reject(new KubeError('forbidden', 'get')), async () => undefined, async () => kubeSystem]
    const lines: string[] = []
    const { log } = createTelemetry({ controller: 'test', write: (line) => void lines.push(line), processMetrics: false })
    const kube: Pick<Kube, 'get'> = { get: () => answers.shift()?.() ?? Promise.resolve(undefined) }
    expect(await untilClusterName({ kube, log, signal: new AbortController().signal, pauseMs: 1 })).toBe('u-1')
    expect(lines.map((line) => (JSON.parse(line) as { level: string }).level)).toHaveLength(3)
  })

  it('ends when told, in a pause too', async () => {
    const stop = new AbortController()
    const { log } = quietTelemetry()
    const kube: Pick<Kube, 'get'> = { get: () => Promise.reject(new KubeError('unreachable', 'get')) }
    const named = untilClusterName({ kube, log, signal: stop.signal, pauseMs: 60_000 })
    await turn()
    stop.abort()
    await expect(named).rejects.toMatchObject({ name: 'AbortError' })
  })
})
