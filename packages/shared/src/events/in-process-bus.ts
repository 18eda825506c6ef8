import type { Telemetry } from '@weir/shared/telemetry'
import type { Bus, BusEvent, EventFilter, ReceivedEvent, Subscription } from './bus.ts'
import { createBusMetrics } from './bus-metrics.ts'
import { stamp } from './cloud-event.ts'
import { createRecentIds } from './recent-ids.ts'

export interface BusOptions {
  /** `--cluster-name`: the third token of every subject. */
  readonly cluster: string
  readonly telemetry: Telemetry
  readonly now?: () => Date
}

interface Receiver {
  readonly filter: EventFilter
  readonly receive: (event: ReceivedEvent) => void
}

/** A bus for one process, when `--nats-url` is unset. */
export function createInProcessBus({ telemetry, now = () => new Date() }: BusOptions): Bus {
  const receivers = new Set<Receiver>()
  const recent = createRecentIds()
  const state = { closed: false, queued: 0 }
  const status = () => ({ implementation: 'in-process' as const, connected: !state.closed, queued: state.queued, dropped: 0 })
  const metrics = createBusMetrics(telemetry, status)

  const deliver = (receiver: Receiver, event: ReceivedEvent): void => {
    if (!receivers.has(receiver)) return
    metrics.received(event.type)
    try {
      receiver.receive(event)
    } catch (error) {
      telemetry.log.error('a receiver of bus events failed', { error, type: event.type })
    }
  }
  return {
    publish(given: BusEvent) {
      if (state.closed) return
      const event = stamp(given, { now: now(), traceparent: telemetry.traceparent() })
      if (!recent.add(event.id)) return
      metrics.published(event.type)
      const waiting = [...receivers].filter((receiver) => matches(receiver.filter, event))
      state.queued += 1
      setImmediate(() => {
        state.queued -= 1
        for (const receiver of waiting) deliver(receiver, event)
      })
    },
    subscribe(filter, receive): Subscription {
      const receiver = { filter, receive }
      if (!state.closed) receivers.add(receiver)
      return { live: Promise.resolve(), close: () => void receivers.delete(receiver) }
    },
    status,
    async close() {
      if (state.closed) return
      state.closed = true
      await new Promise((resolve) => setImmediate(resolve)) // after what was published before
      receivers.clear()
      metrics.stop()
    },
  }
}

function matches(filter: EventFilter, { type, subject }: ReceivedEvent): boolean {
  const pairs = [
    [filter.type, type],
    [filter.kind, subject.kind],
    [filter.namespace, subject.namespace],
    [filter.name, subject.name],
  ] as const
  return pairs.every(([wanted, actual]) => wanted === undefined || wanted === actual)
}
