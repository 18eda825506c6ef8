import { AsyncLocalStorage } from 'node:async_hooks'
import type { LogFields } from './log.ts'

export type SpanAttributes = Readonly<Record<string, string | number | boolean | undefined>>

/** The span that is running, for facts that are known only later. */
export interface ActiveSpan {
  set(attributes: SpanAttributes): void
}

export interface Traces {
  span<T>(name: string, attributes: SpanAttributes, run: (span: ActiveSpan) => Promise<T>): Promise<T>
  within<T>(traceparent: string | undefined, run: () => T): T
  mark(name: string, attributes: SpanAttributes): void
  traceparent(): string | undefined
  /** `trace_id` and `span_id` of the current span. */
  fields(): LogFields
}

/** All scopes of one process; `scope` is the controller's name. */
export interface TraceSource {
  scope(scope: string): Traces
  shutdown(): Promise<void>
}

/** W3C Trace Context, version 00: anything else counts as absent. */
const traceparentShape = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}$/

export function isTraceparent(text: string | undefined): text is string {
  return text !== undefined && traceparentShape.test(text)
}

/** Trace and span id of a traceparent, as log fields. */
export function traceFields(traceparent: string | undefined): LogFields {
  const match = traceparent === undefined ? null : traceparentShape.exec(traceparent)
  return match === null ? {} : { trace_id: match[1], span_id: match[2] }
}

const noSpan: ActiveSpan = { set: () => undefined }

/** Records nothing and loads nothing, but hands a foreign trace on, so that this process does not cut it. */
export function createPassingTraces(): TraceSource {
  const current = new AsyncLocalStorage<string | undefined>()
  const traces: Traces = {
    span: (_name, _attributes, run) => run(noSpan),
    within: (traceparent, run) => (isTraceparent(traceparent) ? current.run(traceparent, run) : run()),
    mark: () => undefined,
    traceparent: () => current.getStore(),
    fields: () => traceFields(current.getStore()),
  }
  return { scope: () => traces, shutdown: async () => undefined }
}
