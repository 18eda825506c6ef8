import { setTimeout as sleep } from 'node:timers/promises'
import type { Attributes, AttributeValue, HrTime } from '@opentelemetry/api'
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-node'

const attempts = 4
const firstRetryMs = 500
const attemptTimeoutMs = 5_000
const retryable: ReadonlySet<number> = new Set([429, 502, 503, 504])

/** The SDK's own words for an export's end; its enum lives in a package that we do not depend on. */
const success = { code: 0 }
const failure = { code: 1 }

/**
 * Spans as OTLP/HTTP JSON (opentelemetry-proto 1.x, `ExportTraceServiceRequest`). Ours, because the pinned official
 * exporter demands a newer API package than the pinned SDK allows, and neither Node nor a bundler links the two.
 */
export function createOtlpExporter(url: string): SpanExporter {
  const ending = new AbortController()
  const running = new Set<Promise<void>>()
  return {
    export(spans, done) {
      const sent = send(url, JSON.stringify(requestOf(spans)), ending.signal)
      const told = sent.then(
        () => done(success),
        (error: unknown) => done({ ...failure, error: error instanceof Error ? error : new Error(String(error)) }),
      )
      running.add(told)
      void told.finally(() => running.delete(told))
    },
    async forceFlush() {
      await Promise.all(running)
    },
    async shutdown() {
      ending.abort() // ends the waits between attempts, not an attempt
      await Promise.all(running)
    },
  }
}

async function send(url: string, body: string, ending: AbortSignal): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const verdict = await sendOnce(url, body)
    if (verdict === 'sent') return
    if (verdict.final || attempt === attempts || ending.aborted) throw verdict.error
    await sleep(firstRetryMs * 2 ** (attempt - 1) * (0.5 + Math.random()), undefined, { signal: ending, ref: false }).catch(() => undefined)
  }
}

async function sendOnce(url: string, body: string): Promise<'sent' | { readonly error: Error; readonly final: boolean }> {
  try {
    const signal = AbortSignal.timeout(attemptTimeoutMs)
    const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body, signal, redirect: 'error' })
    await response.body?.cancel()
    if (response.ok) return 'sent'
    return { error: new Error(`sending traces: HTTP ${response.status}`), final: !retryable.has(response.status) }
  } catch (cause) {
    return { error: new Error('sending traces: no answer', { cause }), final: false }
  }
}

function requestOf(spans: readonly ReadableSpan[]): object {
  const byScope = Map.groupBy(spans, (span) => span.instrumentationScope.name)
  const scopeSpans = [...byScope].map(([name, scoped]) => ({ scope: { name }, spans: scoped.map(spanOf) }))
  const resource = { attributes: pairs(spans[0]?.resource.attributes ?? {}) } // one provider, one resource
  return { resourceSpans: [{ resource, scopeSpans }] }
}

function spanOf(span: ReadableSpan): object {
  const { traceId, spanId, traceFlags } = span.spanContext()
  return {
    traceId,
    spanId,
    flags: traceFlags,
    ...(span.parentSpanContext && { parentSpanId: span.parentSpanContext.spanId }),
    name: span.name,
    kind: span.kind + 1, // the protocol counts from 1
    startTimeUnixNano: nanos(span.startTime),
    endTimeUnixNano: nanos(span.endTime),
    attributes: pairs(span.attributes),
    events: span.events.map((event) => ({ name: event.name, timeUnixNano: nanos(event.time), attributes: pairs(event.attributes ?? {}) })),
    status: span.status,
    droppedAttributesCount: span.droppedAttributesCount,
    droppedEventsCount: span.droppedEventsCount,
  }
}

function nanos([seconds, rest]: HrTime): string {
  return String(BigInt(seconds) * 1_000_000_000n + BigInt(rest))
}

function pairs(attributes: Attributes): object[] {
  return Object.entries(attributes).flatMap(([key, value]) => (value === undefined ? [] : [{ key, value: valueOf(value) }]))
}

function valueOf(value: AttributeValue | null): object {
  if (Array.isArray(value)) return { arrayValue: { values: value.map((inner) => valueOf(inner ?? null)) } }
  switch (typeof value) {
    case 'string':
      return { stringValue: value }
    case 'boolean':
      return { boolValue: value }
    case 'number':
      return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value }
    default:
      return {}
  }
}
