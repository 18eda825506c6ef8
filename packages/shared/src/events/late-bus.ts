import type { Telemetry } from '@weir/shared/telemetry'
import type { Bus, BusEvent, BusStatus, EventFilter, ReceivedEvent, Subscription } from './bus.ts'
import { createBusMetrics } from './bus-metrics.ts'

export interface LateBusOptions {
  readonly telemetry: Telemetry
  /** Makes the bus as soon as it can be made, if ever. Rejects when the signal aborts (`close`), and for nothing that may pass. */
  open(signal: AbortSignal): Promise<Bus>
  /** Events kept until then. Default 1,000: more drop the oldest. */
  readonly outboxLimit?: number
}

/** Waits for the bus: subscriptions first, so that what was published early is heard. */
interface Waiting {
  readonly subscriptions: Set<(bus: Bus) => void>
  readonly events: { readonly event: BusEvent; readonly traceparent: string | undefined }[]
}

/** A bus that is there before what it is made of is known: nobody who publishes or subscribes waits for that. */
export function createLateBus({ telemetry, open, outboxLimit = 1_000 }: LateBusOptions): Bus {
  const closing = new AbortController()
  const waiting: Waiting = { subscriptions: new Set(), events: [] }
  const state: { bus: Bus | undefined; dropped: number } = { bus: undefined, dropped: 0 }
  const status = (): BusStatus => {
    const own = { implementation: 'nats' as const, connected: false, queued: waiting.events.length, dropped: state.dropped }
    const opened = state.bus?.status()
    return opened === undefined ? own : { ...opened, dropped: opened.dropped + state.dropped }
  }
  const metrics = createBusMetrics(telemetry, status)
  const drop = (count: number): void => {
    state.dropped += count
    metrics.dropped(count)
  }
  const opening = open(closing.signal).then((bus) => {
    metrics.stop() // it tells of itself
    state.bus = bus
    for (const begin of waiting.subscriptions) begin(bus)
    waiting.subscriptions.clear()
    for (const { event, traceparent } of waiting.events.splice(0)) telemetry.within(traceparent, () => bus.publish(event))
    return bus
  })
  opening.catch((error: unknown) => {
    if (!closing.signal.aborted) telemetry.log.error('there will be no bus', { error })
  })

  return {
    publish(event) {
      if (state.bus !== undefined) return state.bus.publish(event)
      if (closing.signal.aborted) return
      waiting.events.push({ event, traceparent: telemetry.traceparent() })
      if (waiting.events.length > outboxLimit) drop(waiting.events.splice(0, 1).length)
    },
    subscribe: (filter, receive) => (state.bus === undefined ? subscribeLater({ waiting, closed: closing.signal }, filter, receive) : state.bus.subscribe(filter, receive)),
    status,
    async close() {
      closing.abort()
      const bus = await opening.catch(() => undefined)
      await bus?.close()
      drop(waiting.events.splice(0).length)
      metrics.stop()
    },
  }
}

function subscribeLater({ waiting, closed }: { readonly waiting: Waiting; readonly closed: AbortSignal }, filter: EventFilter, receive: (event: ReceivedEvent) => void): Subscription {
  const { promise: live, resolve } = Promise.withResolvers<void>()
  let opened: Subscription | undefined
  const begin = (bus: Bus): void => {
    opened = bus.subscribe(filter, receive)
    void opened.live.then(resolve)
  }
  if (closed.aborted) resolve()
  else waiting.subscriptions.add(begin)
  closed.addEventListener('abort', () => resolve(), { once: true })
  return {
    live,
    close() {
      waiting.subscriptions.delete(begin)
      opened?.close()
      resolve()
    },
  }
}
