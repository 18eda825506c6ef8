import { randomUUID } from 'node:crypto'
import { redact } from '@weir/shared/telemetry'
import type { BusEvent, EventFacts, ReceivedEvent } from './bus.ts'
import { parseSubject } from './subject.ts'

/** Longer texts are cut: an event is a hint, and a server refuses messages over 1 MiB. */
const longestText = 4096
/** Cut before redaction too, far behind the cut above: masks shorten, and half a secret must not move into view. */
const longestRead = 64 * 1024
const mostDurations = 32

/** Larger messages on our subjects are not ours. */
const largestMessage = 256 * 1024

export interface Publisher {
  readonly cluster: string
  readonly controller: string
  readonly now: Date
  readonly traceparent: string | undefined
}

/** The event as every receiver will see it: with id and time, redacted and bounded. Done once, so that retries repeat it. */
export function stamp(event: BusEvent, { now, traceparent }: Pick<Publisher, 'now' | 'traceparent'>): ReceivedEvent {
  const { kind, namespace, name } = event.subject
  return {
    type: event.type,
    subject: { kind, namespace, name },
    facts: cleanFacts({ ...event.facts }),
    id: event.id ?? randomUUID(),
    time: now,
    ...(traceparent !== undefined && { traceparent }),
  }
}

/** CloudEvents 1.0, JSON event format, with the distributed tracing extension. */
export function encodeEvent(event: ReceivedEvent, { cluster, controller }: Pick<Publisher, 'cluster' | 'controller'>): string {
  const { kind, namespace, name } = event.subject
  return JSON.stringify({
    specversion: '1.0',
    id: event.id,
    source: `/weir/${encodeURIComponent(cluster)}/${encodeURIComponent(controller)}`,
    type: `${typePrefix}${event.type}`,
    subject: [kind, namespace, name].filter((part) => part !== '').join('/'),
    time: event.time.toISOString(),
    datacontenttype: 'application/json',
    ...(event.traceparent !== undefined && { traceparent: event.traceparent }),
    data: event.facts,
  })
}

const typePrefix = 'dev.weir.'

export interface Message {
  readonly subject: string
  readonly payload: Uint8Array
  readonly traceparent: string | undefined
}

/** undefined when the message is no event of ours: anybody who may publish can put anything on a subject. */
export function decodeEvent({ subject, payload, traceparent }: Message): ReceivedEvent | undefined {
  const address = parseSubject(subject)
  if (address === undefined || payload.length > largestMessage) return undefined
  const envelope = parseEnvelope(payload)
  if (envelope === undefined || envelope.type !== `${typePrefix}${address.type}`) return undefined
  return {
    type: address.type,
    subject: address.subject,
    facts: cleanFacts(envelope.data),
    id: envelope.id,
    time: envelope.time,
    ...(traceparent !== undefined && traceparent !== '' && { traceparent }),
  }
}

interface Envelope {
  readonly id: string
  readonly type: string
  readonly time: Date
  readonly data: Readonly<Record<string, unknown>>
}

function parseEnvelope(payload: Uint8Array): Envelope | undefined {
  const { specversion, id, type, time, data } = parseObject(payload) ?? {}
  if (specversion !== '1.0' || typeof id !== 'string' || id === '' || typeof type !== 'string' || typeof time !== 'string') return undefined
  const at = new Date(time)
  return Number.isNaN(at.getTime()) ? undefined : { id, type, time: at, data: isRecord(data) ? data : {} }
}

const textFacts = ['resourceVersion', 'revision', 'digest', 'originRevision', 'reason', 'message'] as const

function cleanFacts(given: Readonly<Record<string, unknown>>): EventFacts {
  const facts: Record<string, string | Record<string, number>> = {}
  for (const name of textFacts) {
    const value = given[name]
    if (typeof value === 'string') facts[name] = redact(value.slice(0, longestRead)).slice(0, longestText)
  }
  if (isRecord(given.durationsMs)) {
    const numbers = Object.entries(given.durationsMs).filter((entry): entry is [string, number] => Number.isFinite(entry[1]))
    facts.durationsMs = Object.fromEntries(numbers.slice(0, mostDurations))
  }
  return facts
}

function parseObject(payload: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(payload).toString())
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
