import { collectDefaultMetrics, Counter as PromCounter, Gauge as PromGauge, Histogram as PromHistogram, Registry } from 'prom-client'

export type MetricLabels<L extends string = string> = Readonly<Record<L, string>>

export interface Counter<L extends string = string> {
  inc(labels: MetricLabels<L>, by?: number): void
  /** Drops the series, as when its object is deleted. */
  remove(labels: MetricLabels<L>): void
}

export interface Gauge<L extends string = string> {
  set(labels: MetricLabels<L>, value: number): void
  remove(labels: MetricLabels<L>): void
}

export interface Histogram<L extends string = string> {
  /** In the unit that the metric's name ends with; seconds almost always. */
  observe(labels: MetricLabels<L>, value: number): void
  remove(labels: MetricLabels<L>): void
}

/**
 * The one registry of a process. Asking twice for a name with the same type and labels gives the same metric, so that
 * several controllers in one process share it; with others it throws, as a bug.
 */
export interface Metrics {
  counter<const L extends string>(name: string, help: string, labels: readonly L[]): Counter<L>
  gauge<const L extends string>(name: string, help: string, labels: readonly L[]): Gauge<L>
  histogram<const L extends string>(name: string, help: string, options: HistogramOptions<L>): Histogram<L>
  /** Runs before each scrape, to set gauges that nobody needs in between. Returns the way to stop it. */
  beforeScrape(read: () => void): () => void
  /** The Prometheus text exposition, to be served with `contentType`. */
  text(): Promise<string>
  readonly contentType: string
}

export interface HistogramOptions<L extends string> {
  readonly labels: readonly L[]
  /** Upper bounds, ascending. */
  readonly buckets: readonly number[]
}

/** The only place that knows prom-client. */
export function createMetrics(options: { readonly processMetrics: boolean }): Metrics {
  const registry = new Registry()
  const shapes = new Map<string, string>()
  const reads = new Set<() => void>()
  if (options.processMetrics) collectDefaultMetrics({ register: registry })

  const once = <M>({ name, shape }: Asked, isMade: (known: unknown) => known is M, make: () => M): M => {
    const known = registry.getSingleMetric(name)
    if (known === undefined) {
      shapes.set(name, shape)
      return make()
    }
    if (shapes.get(name) !== shape || !isMade(known)) {
      throw new Error(`metric ${name} exists as ${shapes.get(name) ?? 'another'}, asked for as ${shape}`)
    }
    return known
  }
  return {
    counter(name, help, labels) {
      const config = { name, help, labelNames: [...labels], registers: [registry] }
      const made = once({ name, shape: `counter(${labels.join()})` }, isCounter, () => new PromCounter<string>(config))
      return { inc: (at, by = 1) => made.inc({ ...at }, by), remove: (at) => made.remove({ ...at }) }
    },
    gauge(name, help, labels) {
      const config = { name, help, labelNames: [...labels], registers: [registry] }
      const made = once({ name, shape: `gauge(${labels.join()})` }, isGauge, () => new PromGauge<string>(config))
      return { set: (at, value) => made.set({ ...at }, value), remove: (at) => made.remove({ ...at }) }
    },
    histogram(name, help, { labels, buckets }) {
      const config = { name, help, labelNames: [...labels], buckets: [...buckets], registers: [registry] }
      const made = once({ name, shape: `histogram(${labels.join()};${buckets.join()})` }, isHistogram, () => new PromHistogram<string>(config))
      return { observe: (at, value) => made.observe({ ...at }, value), remove: (at) => made.remove({ ...at }) }
    },
    beforeScrape(read) {
      reads.add(read)
      return () => reads.delete(read)
    },
    async text() {
      for (const read of reads) read()
      return registry.metrics()
    },
    contentType: registry.contentType,
  }
}

interface Asked {
  readonly name: string
  readonly shape: string
}

const isCounter = (metric: unknown): metric is PromCounter<string> => metric instanceof PromCounter
const isGauge = (metric: unknown): metric is PromGauge<string> => metric instanceof PromGauge
const isHistogram = (metric: unknown): metric is PromHistogram<string> => metric instanceof PromHistogram
