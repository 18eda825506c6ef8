import { redact } from '@weir/shared/telemetry'

/** The object that a record is about, as the API server gave it. */
export interface RecordedObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly uid?: string
    readonly resourceVersion?: string
    readonly annotations?: Readonly<Record<string, string>>
  }
}

export interface EventRecord {
  readonly object: RecordedObject
  /** `Trace` goes to the log (debug) and the current span only. */
  readonly type: 'Normal' | 'Warning' | 'Trace'
  readonly reason: string
  readonly message: string
  /** Keys get the object's API group as prefix, unless they have it or `event.toolkit.fluxcd.io/`. */
  readonly metadata?: Readonly<Record<string, string>>
  /** `core`: a Kubernetes Event only. `notification`: the POST to `--events-addr` only. Default both. */
  readonly only?: 'core' | 'notification'
}

/** A record made fit to leave the process. */
export interface CleanRecord {
  readonly reference: ObjectReference
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
  readonly metadata: Readonly<Record<string, string>>
  readonly at: Date
}

/** core/v1 ObjectReference. */
export interface ObjectReference {
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
  readonly namespace?: string
  readonly uid?: string
  readonly resourceVersion?: string
}

/** The schema of the notification's `message`. */
const longestMessage = 39_000
const longestReason = 128
const longestValue = 4_096
const userPrefix = 'event.toolkit.fluxcd.io/'

/** An annotation key that the API server takes: one bad key would lose the whole Event. */
const annotationKey = /^(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/

export function cleanRecord(record: EventRecord & { readonly type: 'Normal' | 'Warning' }, at: Date): CleanRecord {
  const { apiVersion, kind, metadata } = record.object
  const { name, namespace, uid, resourceVersion } = metadata
  return {
    reference: { kind, ...(namespace !== undefined && { namespace }), name, ...(uid !== undefined && { uid }), apiVersion, ...(resourceVersion !== undefined && { resourceVersion }) },
    type: record.type,
    reason: redact(record.reason).slice(0, longestReason),
    message: cut(redact(record.message), longestMessage),
    metadata: metadataOf(record),
    at,
  }
}

/** The record's own keys, prefixed; then what the user put on the object, which wins. */
function metadataOf({ object, metadata = {} }: EventRecord): Readonly<Record<string, string>> {
  const group = object.apiVersion.includes('/') ? `${object.apiVersion.split('/', 1)[0]}/` : userPrefix
  const own = Object.entries(metadata).map(([key, value]) => [key.startsWith(group) || key.startsWith(userPrefix) ? key : `${group}${key}`, value] as const)
  const users = Object.entries(object.metadata.annotations ?? {}).filter(([key]) => key.startsWith(userPrefix))
  const valid = [...own, ...users].filter(([key]) => annotationKey.test(key))
  return Object.fromEntries(valid.map(([key, value]) => [key, cut(redact(value), longestValue)]))
}

function cut(text: string, limit: number): string {
  return text.length > limit ? `${text.slice(0, limit - 1)}…` : text
}

/** RFC 3339 with seconds, as Go's metav1.Time. */
export function formatTime(at: Date): string {
  return `${at.toISOString().slice(0, 19)}Z`
}
