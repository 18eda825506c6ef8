import type { Http } from '@weir/shared/http'
import type { Kube } from '@weir/shared/kube'
import type { Telemetry } from '@weir/shared/telemetry'

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

/** Tells people what happened to an object: Kubernetes Events and the notification POST. */
export interface Recorder {
  /** Never blocks and never throws. Text is redacted. */
  record(record: EventRecord): void
  /** Sends what is queued, for at most `graceMs` (default 5 s), and stops. Safe to call twice. */
  close(graceMs?: number): Promise<void>
}

export interface RecorderOptions {
  /** Written to directly; its lease fence applies, its user agent is used. */
  readonly kube: Pick<Kube, 'create' | 'patch'>
  /** Component of the Events, `reportingController` of the POST. */
  readonly controller: string
  /** `--events-addr`; empty or absent: no POST. */
  readonly eventsAddr?: string
  readonly http: Http
  readonly telemetry: Telemetry
  /** `reportingInstance`; default the host's name. */
  readonly instance?: string
  readonly now?: () => Date
}

export function createRecorder(options: RecorderOptions): Recorder {
  throw new Error(`recorder of ${options.controller}: not built yet`)
}
