import type { JsMsg } from '@nats-io/jetstream'
import type { Bus, BusStatus, ReceivedEvent } from './bus.ts'
import { createBusMetrics } from './bus-metrics.ts'
import { decodeEvent, encodeEvent, stamp } from './cloud-event.ts'
import type { BusOptions } from './in-process-bus.ts'
import type { Letter } from './nats/outbox.ts'
import { createReader } from './nats/reader.ts'
import type { Reader } from './nats/reader.ts'
import { createSender } from './nats/sender.ts'
import { parseServerAddress } from './nats/server-address.ts'
import { keepSession } from './nats/session.ts'
import type { Session } from './nats/session.ts'
import type { StreamLimits } from './nats/stream.ts'
import { createRecentIds } from './recent-ids.ts'
import { subjectFilter, subjectOf } from './subject.ts'

export interface NatsBusOptions extends BusOptions {
  /** `nats://[user:password@]host:port`, several separated by commas; `tls://` for TLS. */
  readonly url: string
  /** Used only when this process is the first to connect: an existing stream is never altered. */
  readonly stream?: StreamLimits
  /** Events kept while the server cannot take them. Default 10,000. */
  readonly outboxLimit?: number
}

const closeGraceMs = 2_000

/** The bus over NATS with JetStream. Returns at once: the server may come later, or never. Throws when `url` is no NATS URL. */
export function createNatsBus(options: NatsBusOptions): Bus {
  const { cluster, telemetry, now = () => new Date() } = options
  const readers = new Set<Reader>()
  const state: { session: Session | undefined; dropped: number; closed: Promise<void> | undefined; serial: number } = {
    session: undefined,
    dropped: 0,
    closed: undefined,
    serial: 0,
  }
  const status = (): BusStatus => ({
    implementation: 'nats',
    connected: state.session !== undefined,
    queued: sender.pending(),
    dropped: state.dropped,
  })
  const metrics = createBusMetrics(telemetry, status)
  const onDrop = (count: number): void => {
    state.dropped += count
    metrics.dropped(count)
  }
  const sender = createSender({ limit: options.outboxLimit ?? 10_000, log: telemetry.log, onStored: metrics.published, onDrop })
  const sessions = keepSessions(options, (session) => {
    state.session = session
    session.over.addEventListener('abort', () => {
      if (state.session === session) state.session = undefined
    })
    for (const reader of readers) reader.begin(session)
    sender.begin(session)
  })
  const close = async (): Promise<void> => {
    await sender.drain(closeGraceMs)
    for (const reader of readers) reader.stop()
    readers.clear()
    await sessions.close()
    metrics.stop()
  }

  return {
    publish(given) {
      if (state.closed !== undefined) return
      state.serial += 1
      const event = stamp(given, { now: now(), traceparent: telemetry.traceparent() })
      sender.send(letterOf(event, { serial: state.serial, cluster, controller: telemetry.controller }))
    },
    subscribe(filter, receive) {
      const delivery = createDelivery({ telemetry, receive, onReceived: (event) => metrics.received(event.type) })
      const reader = createReader({ subjectFilter: subjectFilter(cluster, filter), log: telemetry.log, receive: delivery })
      if (state.closed !== undefined) reader.stop()
      else readers.add(reader)
      if (state.session !== undefined) reader.begin(state.session)
      const end = (): void => {
        reader.stop()
        readers.delete(reader)
      }
      return { live: reader.live, close: end }
    },
    status,
    close: () => (state.closed ??= close()),
  }
}

function keepSessions(options: NatsBusOptions, begin: (session: Session) => void): { close(): Promise<void> } {
  const closing = new AbortController()
  const { telemetry, url, stream: limits = {} } = options
  const running = keepSession({ address: parseServerAddress(url), name: telemetry.controller, log: telemetry.log, limits, closing: closing.signal, begin })
  return {
    async close() {
      closing.abort()
      await running
    },
  }
}

interface Sending {
  readonly serial: number
  readonly cluster: string
  readonly controller: string
}

function letterOf(event: ReceivedEvent, { serial, cluster, controller }: Sending): Letter {
  const { id, type, subject, traceparent } = event
  const payload = encodeEvent(event, { cluster, controller })
  return { serial, id, type, subject: subjectOf({ cluster, subject, type }), payload, traceparent, attempts: 0 }
}

interface DeliveryOptions extends Pick<BusOptions, 'telemetry'> {
  readonly receive: (event: ReceivedEvent) => void
  readonly onReceived: (event: ReceivedEvent) => void
}

/** Decodes, drops what is not ours or was seen, and keeps a failing receiver from ending the subscription. */
function createDelivery({ telemetry, receive, onReceived }: DeliveryOptions): (message: JsMsg) => void {
  const recent = createRecentIds()
  return (message) => {
    const traceparent = message.headers?.get('traceparent')
    const event = decodeEvent({ subject: message.subject, payload: message.data, traceparent })
    if (event === undefined) {
      telemetry.log.debug('not an event of ours on the bus', { subject: message.subject })
      return
    }
    if (!recent.add(event.id)) return
    onReceived(event)
    try {
      receive(event)
    } catch (error) {
      telemetry.log.error('a receiver of bus events failed', { error, type: event.type })
    }
  }
}
