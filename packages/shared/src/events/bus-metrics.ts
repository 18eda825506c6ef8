import type { Telemetry } from '@weir/shared/telemetry'
import type { BusStatus, EventType } from './bus.ts'

/** What both buses count. The names are API. */
export interface BusMetrics {
  published(type: EventType): void
  received(type: EventType): void
  /** Events given up. */
  dropped(count: number): void
  stop(): void
}

export function createBusMetrics({ metrics }: Pick<Telemetry, 'metrics'>, status: () => BusStatus): BusMetrics {
  const published = metrics.counter('weir_bus_events_published_total', 'Events handed to the bus and stored by it.', ['type'])
  const received = metrics.counter('weir_bus_events_received_total', 'Events given to a subscription.', ['type'])
  const dropped = metrics.counter('weir_bus_events_dropped_total', 'Events given up because the outbox was full or closing took too long.', [])
  const outbox = metrics.gauge('weir_bus_outbox_events', 'Events that wait for the server.', [])
  const connected = metrics.gauge('weir_bus_connected', '1 while the bus can deliver.', [])
  const stop = metrics.beforeScrape(() => {
    outbox.set({}, status().queued)
    connected.set({}, status().connected ? 1 : 0)
  })
  return {
    published: (type) => published.inc({ type }),
    received: (type) => received.inc({ type }),
    dropped: (count) => dropped.inc({}, count),
    stop,
  }
}
