import type { Log, LogEncoding, LogLevel } from './log.ts'
import type { Metrics } from './metrics.ts'

export type SpanAttributes = Readonly<Record<string, string | number | boolean | undefined>>

/** The span that is running, for facts that are known only later. */
export interface ActiveSpan {
  set(attributes: SpanAttributes): void
}

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
  throw new Error(`telemetry of ${options.controller}: not built yet`)
}

/** Telemetry for tests: logs nowhere, has a registry of its own and no traces. */
export function quietTelemetry(controller = 'test'): Telemetry {
  return createTelemetry({ controller, write: () => undefined, processMetrics: false })
}
