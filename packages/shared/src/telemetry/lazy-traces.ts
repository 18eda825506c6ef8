import { createPassingTraces, traceFields } from './traces.ts'
import type { Traces, TraceSource } from './traces.ts'
import type { OtelOptions } from './otel.ts'

/**
 * Traces whose machinery is loaded now but not waited for: a span that starts before it is there waits the few
 * milliseconds. When loading fails, `onFailure` hears it once and nothing is traced.
 */
export function createLazyTraces(options: OtelOptions, onFailure: (error: Error) => void): TraceSource {
  const untilLoaded = createPassingTraces()
  const state: { source: TraceSource | undefined } = { source: undefined }
  const loaded = load(options).catch((error: unknown) => {
    onFailure(error instanceof Error ? error : new Error(String(error)))
    return untilLoaded
  })
  const settled = loaded.then((source) => {
    state.source = source
  })

  return {
    scope: (scope) => scopeOf({ passing: untilLoaded.scope(scope), settled, real: once(() => state.source?.scope(scope)) }),
    async shutdown() {
      await (await loaded).shutdown()
    },
  }
}

interface Scope {
  /** Also remembers a foreign parent that came before the machinery. */
  readonly passing: Traces
  readonly settled: Promise<void>
  readonly real: () => Traces | undefined
}

function scopeOf({ passing, settled, real }: Scope): Traces {
  const traces = (): Traces => real() ?? passing
  return {
    async span(name, attributes, run) {
      if (real() === undefined) await settled
      const inner = traces()
      const parent = inner.traceparent() === undefined ? passing.traceparent() : undefined
      return inner.within(parent, () => inner.span(name, attributes, run))
    },
    within: (traceparent, run) => passing.within(traceparent, () => runWithin(real(), traceparent, run)),
    mark: (name, attributes) => traces().mark(name, attributes),
    traceparent: () => real()?.traceparent() ?? passing.traceparent(),
    fields: () => traceFields(real()?.traceparent() ?? passing.traceparent()),
  }
}

function runWithin<T>(real: Traces | undefined, traceparent: string | undefined, run: () => T): T {
  return real === undefined ? run() : real.within(traceparent, run)
}

function once<T>(read: () => T | undefined): () => T | undefined {
  const kept: { value: T | undefined } = { value: undefined }
  return () => (kept.value ??= read())
}

async function load(options: OtelOptions): Promise<TraceSource> {
  const { createOtelTraces } = await import('./otel.ts')
  return createOtelTraces(options)
}
