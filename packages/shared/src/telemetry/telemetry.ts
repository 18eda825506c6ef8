import { createLazyTraces } from './lazy-traces.ts'
import { createLogSink } from './log.ts'
import type { Log, LogEncoding, LogLevel, LogSink } from './log.ts'
import { createMetrics } from './metrics.ts'
import type { Metrics } from './metrics.ts'
import { createPassingTraces } from './traces.ts'
import type { ActiveSpan, SpanAttributes, Traces, TraceSource } from './traces.ts'

/** What a process tells about itself. Made once by `createTelemetry`; each controller gets `named(controller)`. */
export interface Telemetry {
  /** Name of the controller or program that speaks. */
  readonly controller: string
  readonly log: Log
  readonly metrics: Metrics
  /** Runs as a child of the span around it; a rejection marks the span failed. Without an OTLP endpoint it only runs. */
  span<T>(name: string, attributes: SpanAttributes, run: (span: ActiveSpan) => Promise<T>): Promise<T>
  /** Runs with a W3C `traceparent` from another process as the parent; one that does not parse counts as absent. */
  within<T>(traceparent: string | undefined, run: () => T): T
  /** Marks a moment on the current span, if there is one. */
  mark(name: string, attributes: SpanAttributes): void
  /** The current W3C `traceparent`, to be handed to another process. */
  traceparent(): string | undefined
  /** The same registry, traces and level under another controller's name. */
  named(controller: string): Telemetry
  /** Changes the level of this log and of all that share it. */
  setLevel(level: LogLevel): void
  level(): LogLevel
  /** Sends what is left of the traces, for at most 5 s. Safe to call twice. */
  shutdown(): Promise<void>
}

export interface TelemetryOptions {
  readonly controller: string
  /** Default `info`. */
  readonly level?: LogLevel
  /** Default `json`. */
  readonly encoding?: LogEncoding
  /** Base URL of an OTLP/HTTP receiver (`http://host:4318`); traces are sent to `/v1/traces` below it. Unset: no traces, nothing loaded. */
  readonly otlpUrl?: string
  /** Told to the trace receiver as `service.version`. */
  readonly version?: string
  /** Receives each line with its newline; default: standard output. */
  readonly write?: (line: string) => void
  /** The process's own metrics (memory, CPU, open files, event loop). Default true. */
  readonly processMetrics?: boolean
}

/** Logs, metrics and traces of this process. */
export function createTelemetry(options: TelemetryOptions): Telemetry {
  const current: { traces: Traces | undefined } = { traces: undefined }
  const sink = createLogSink({
    level: options.level ?? 'info',
    encoding: options.encoding ?? 'json',
    ...(options.write && { write: options.write }),
    traceFields: () => current.traces?.fields() ?? {},
  })
  const source = createTraceSource(options, sink)
  current.traces = source.scope(options.controller)
  return speakAs(options.controller, { sink, source, metrics: createMetrics({ processMetrics: options.processMetrics ?? true }) })
}

function createTraceSource({ otlpUrl, controller, version }: TelemetryOptions, sink: LogSink): TraceSource {
  if (otlpUrl === undefined || otlpUrl === '') return createPassingTraces()
  const otel = { service: controller, otlpUrl, ...(version !== undefined && { version }) }
  return createLazyTraces(otel, (error) => sink.log(controller).error('traces are off', { error }))
}

interface Parts {
  readonly sink: LogSink
  readonly source: TraceSource
  readonly metrics: Metrics
}

function speakAs(controller: string, parts: Parts): Telemetry {
  const traces = parts.source.scope(controller)
  return {
    controller,
    log: parts.sink.log(controller),
    metrics: parts.metrics,
    span: traces.span,
    within: traces.within,
    mark: traces.mark,
    traceparent: traces.traceparent,
    named: (other) => speakAs(other, parts),
    setLevel: parts.sink.setLevel,
    level: parts.sink.level,
    shutdown: parts.source.shutdown,
  }
}

/** Telemetry for tests: logs nowhere, has a registry of its own and no traces. */
export function quietTelemetry(controller = 'test'): Telemetry {
  return createTelemetry({ controller, write: () => undefined, processMetrics: false })
}
