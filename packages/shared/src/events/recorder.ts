import { hostname } from 'node:os'
import type { Http } from '@weir/shared/http'
import type { Kube } from '@weir/shared/kube'
import type { Telemetry } from '@weir/shared/telemetry'
import { createCoreEvents } from './record/core-events.ts'
import { createNotifications } from './record/notification.ts'
import { cleanRecord } from './record/record.ts'
import type { EventRecord } from './record/record.ts'

/** Tells people what happened to an object: Kubernetes Events and the notification POST. */
export interface Recorder {
  /** Never blocks and never throws. Text is redacted. */
  record(record: EventRecord): void
  /** Sends what is queued, for at most `graceMs` (default 5 s), and stops. Safe to call twice. */
  close(graceMs?: number): Promise<void>
}

export interface RecorderOptions {
  /** Its lease fence applies, its user agent is used. */
  readonly kube: Pick<Kube, 'create' | 'patch'>
  /** Component of the Events, `reportingController` of the POST. */
  readonly controller: string
  /** `--events-addr`; empty or absent: no POST. */
  readonly eventsAddr?: string
  readonly http: Pick<Http, 'request'>
  readonly telemetry: Telemetry
  /** `reportingInstance`; default the host's name. */
  readonly instance?: string
  readonly now?: () => Date
}

const defaultGraceMs = 5_000

export function createRecorder(options: RecorderOptions): Recorder {
  const { kube, controller, http, telemetry, eventsAddr = '', instance = hostname(), now = () => new Date() } = options
  const dropped = telemetry.metrics.counter('weir_events_dropped_total', 'Events and notifications given up.', ['to'])
  const shared = { controller, instance, log: telemetry.log }
  const core = createCoreEvents({ ...shared, kube, onDrop: (count) => dropped.inc({ to: 'core' }, count) })
  const notifications =
    eventsAddr === '' ? undefined : createNotifications({ ...shared, http, url: eventsAddr, onDrop: (count) => dropped.inc({ to: 'notification' }, count) })
  const state: { closed: Promise<unknown> | undefined } = { closed: undefined }

  return {
    record(given) {
      const { type, only } = given
      if (type === 'Trace') return trace(given, telemetry)
      const record = cleanRecord({ ...given, type }, now())
      if (only !== 'notification') core.write(record)
      if (only !== 'core') notifications?.post(record)
    },
    async close(graceMs = defaultGraceMs) {
      state.closed ??= Promise.all([core.close(graceMs), notifications?.close(graceMs)])
      await state.closed
    },
  }
}

function trace({ object, reason, message }: EventRecord, telemetry: Telemetry): void {
  const { kind, metadata } = object
  telemetry.log.debug('trace event', { controllerKind: kind, name: metadata.name, namespace: metadata.namespace, reason, detail: message })
  telemetry.mark(reason, { detail: message })
}
