import { AsyncLocalStorage } from 'node:async_hooks'
import { ROOT_CONTEXT, SpanStatusCode, trace } from '@opentelemetry/api'
import type { Attributes, Context, Span, Tracer } from '@opentelemetry/api'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node'
import { messageOf } from './log-fields.ts'
import { createOtlpExporter } from './otlp-exporter.ts'
import { redact } from './redact.ts'
import { isTraceparent } from './traces.ts'
import type { ActiveSpan, SpanAttributes, Traces, TraceSource } from './traces.ts'

export interface OtelOptions {
  readonly service: string
  readonly version?: string
  readonly otlpUrl: string
}

const shutdownTimeoutMs = 5_000

/**
 * Spans over OTLP/HTTP. Knows the OpenTelemetry SDK, imported only when there is an endpoint. Nothing is
 * registered globally: two in one process (as in tests) do not meet.
 */
export function createOtelTraces(options: OtelOptions): TraceSource {
  const exporter = createOtlpExporter(tracesUrl(options.otlpUrl))
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ 'service.name': options.service, ...(options.version && { 'service.version': options.version }) }),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  })
  const contexts = new AsyncLocalStorage<Context>()
  return {
    scope: (scope) => createTraces(provider.getTracer(scope), contexts),
    shutdown() {
      void exporter.shutdown() // from now on one attempt each
      return withDeadline(provider.shutdown())
    },
  }
}

function createTraces(tracer: Tracer, contexts: AsyncLocalStorage<Context>): Traces {
  const context = (): Context => contexts.getStore() ?? ROOT_CONTEXT
  const spanContext = () => trace.getSpanContext(context())
  return {
    async span(name, attributes, run) {
      const span = tracer.startSpan(name, { attributes: clean(attributes) }, context())
      try {
        return await contexts.run(trace.setSpan(context(), span), () => run(activeSpan(span)))
      } catch (error) {
        span.setStatus({ code: SpanStatusCode.ERROR, message: redact(error instanceof Error ? messageOf(error) : String(error)) })
        throw error
      } finally {
        span.end()
      }
    },
    within(traceparent, run) {
      if (!isTraceparent(traceparent)) return run()
      const [, traceId = '', spanId = '', flags = ''] = traceparent.split('-')
      const remote = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true }
      return contexts.run(trace.setSpanContext(context(), remote), run)
    },
    mark: (name, attributes) => void trace.getSpan(context())?.addEvent(name, clean(attributes)),
    traceparent() {
      const at = spanContext()
      return at && `00-${at.traceId}-${at.spanId}-${at.traceFlags.toString(16).padStart(2, '0')}`
    },
    fields() {
      const at = spanContext()
      return at === undefined ? {} : { trace_id: at.traceId, span_id: at.spanId }
    },
  }
}

function activeSpan(span: Span): ActiveSpan {
  return { set: (attributes) => void span.setAttributes(clean(attributes)) }
}

function clean(attributes: SpanAttributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, typeof value === 'string' ? redact(value) : value]))
}

function tracesUrl(base: string): string {
  const trimmed = base.replace(/\/+$/, '')
  return trimmed.endsWith('/v1/traces') ? trimmed : `${trimmed}/v1/traces`
}

/** A receiver that is gone must not hold a process that wants to end. */
async function withDeadline(done: Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, shutdownTimeoutMs)
  await Promise.race([done.catch(() => undefined), promise])
  clearTimeout(timer)
}
