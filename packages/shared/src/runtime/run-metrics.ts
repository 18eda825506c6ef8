import type { Metrics } from '@weir/shared/telemetry'
import type { KindTable, Reconcilable } from './kind-table.ts'
import type { Key } from './wake.ts'

/** As controller-runtime names them. */
export type RunResult = 'success' | 'error' | 'requeue' | 'requeue_after'

export interface RunMetrics {
  ended(key: Key, result: RunResult, durationMs: number): void
  /** Drops the series of a deleted object. */
  forget(key: Key): void
  close(): void
}

export interface RunMetricsOptions {
  readonly table: Pick<KindTable<Reconcilable>, 'kind'>
  readonly metrics: Metrics
  active(): number
  most(): number
}

/** Ten buckets from 10 ms to half an hour, each the same factor above the last. */
const durationBuckets = Array.from({ length: 10 }, (_, index) => 0.01 * (1800 / 0.01) ** (index / 9))
const timeBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800]

/** Contract 1.12. */
export function createRunMetrics({ table, metrics, active, most }: RunMetricsOptions): RunMetrics {
  const { kind } = table.kind
  const controller = kind.toLowerCase()
  const duration = metrics.histogram('gotk_reconcile_duration_seconds', 'The duration of reconciliations of one object.', {
    labels: ['kind', 'name', 'namespace'],
    buckets: durationBuckets,
  })
  const total = metrics.counter('controller_runtime_reconcile_total', 'Runs by how they ended.', ['controller', 'result'])
  const errors = metrics.counter('controller_runtime_reconcile_errors_total', 'Runs that failed.', ['controller'])
  const time = metrics.histogram('controller_runtime_reconcile_time_seconds', 'The duration of runs.', { labels: ['controller'], buckets: timeBuckets })
  const workers = metrics.gauge('controller_runtime_active_workers', 'Runs that hold a worker.', ['controller'])
  const cap = metrics.gauge('controller_runtime_max_concurrent_reconciles', 'Workers that may run now.', ['controller'])
  const close = metrics.beforeScrape(() => {
    workers.set({ controller }, active())
    cap.set({ controller }, most())
  })
  return {
    ended(key, result, durationMs) {
      duration.observe({ kind, ...key }, durationMs / 1000)
      time.observe({ controller }, durationMs / 1000)
      total.inc({ controller, result })
      if (result === 'error') errors.inc({ controller })
    },
    forget: (key) => duration.remove({ kind, ...key }),
    close,
  }
}
