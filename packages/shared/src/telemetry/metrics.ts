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
