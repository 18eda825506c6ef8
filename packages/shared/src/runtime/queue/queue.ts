import type { Metrics } from '@weir/shared/telemetry'
import type { Clock, Timer } from '../clock.ts'
import { createDelays, type Delays } from './delays.ts'
import { createLine } from './line.ts'
import { betterOf, textOf, wakeClasses, type Key, type WakeClass } from '../wake.ts'

const patienceMs = 60_000

export interface Taken {
  readonly key: Key
  readonly wakeClass: WakeClass
}

/** Keys to run, never objects. Each is in it once; a key in work is marked and comes back once when it is done. */
export interface Queue {
  add(key: Key, wakeClass: WakeClass, options?: { readonly afterMs?: number | undefined }): void
  /** The planned next run of a key: replaces the one planned before. */
  plan(key: Key, afterMs: number): void
  /** The next key to work on, or undefined. Every taken key must be given back by `done`. */
  take(): Taken | undefined
  done(key: Key): void
  /** Drops what is queued or planned for the key; a run in work is not told. */
  forget(key: Key): void
  /** One more failure in a row of the key; returns how many. */
  failed(key: Key): number
  succeeded(key: Key): void
  waiting(): number
  working(): number
  /** Nothing comes out any more. */
  close(): void
}

export interface QueueOptions {
  readonly name: string
  readonly clock: Clock
  readonly metrics: Metrics
  /** Something can be taken now. */
  onReady(): void
  /** Milliseconds until a key of this class may be taken, 0: now. */
  pace?(wakeClass: WakeClass): number
}

/** Serves by class and then by age. */
export function createQueue(options: QueueOptions): Queue {
  const { clock, onReady } = options
  const line = createLine(patienceMs)
  const metrics = createQueueMetrics(options, line.size)
  const work = createWork()
  const delays = createDelays(clock, addNow)
  const failures = new Map<string, number>()
  let paced: Timer | undefined
  let closed = false

  function addNow(key: Key, wakeClass: WakeClass): void {
    if (closed || work.mark(key, wakeClass)) return
    if (line.join(key, wakeClass, clock.monotonicMs())) metrics.added()
    onReady()
  }

  function take(): Taken | undefined {
    const next = closed ? undefined : line.next(clock.monotonicMs(), (wakeClass) => options.pace?.(wakeClass) ?? 0)
    if (next === undefined) return undefined
    if ('waitMs' in next) {
      paced?.cancel()
      paced = clock.timer(next.waitMs, onReady)
      return undefined
    }
    line.leave(next.key)
    delays.cancel(next.key, 'interval') // this run serves it, and plans the next one
    work.begin(next.key, clock.monotonicMs())
    metrics.taken(clock.monotonicMs() - next.sinceMs)
    return { key: next.key, wakeClass: next.wakeClass }
  }

  return {
    take,
    add: (key, wakeClass, { afterMs = 0 } = {}) => (afterMs > 0 && !closed ? delays.add(key, wakeClass, afterMs) : addNow(key, wakeClass)),
    plan: (key, afterMs) => (closed ? undefined : delays.replace(key, 'interval', afterMs)),
    done(key) {
      const ended = work.end(key)
      if (ended) metrics.worked(clock.monotonicMs() - ended.startedMs)
      if (ended?.again) addNow(key, ended.again)
    },
    forget(key) {
      line.leave(key)
      failures.delete(textOf(key))
      cancelAll(delays, key)
      work.unmark(key)
    },
    failed(key) {
      const count = (failures.get(textOf(key)) ?? 0) + 1
      failures.set(textOf(key), count)
      metrics.retried()
      return count
    },
    succeeded: (key) => void failures.delete(textOf(key)),
    waiting: line.size,
    working: work.size,
    close() {
      closed = true
      delays.close()
      paced?.cancel()
      metrics.close()
    },
  }
}

function cancelAll(delays: Delays, key: Key): void {
  for (const wakeClass of wakeClasses) delays.cancel(key, wakeClass)
}

interface Running {
  readonly startedMs: number
  /** Woken while in work: runs once more. */
  readonly again: WakeClass | undefined
}

interface Work {
  begin(key: Key, nowMs: number): void
  /** False when the key is not in work. */
  mark(key: Key, wakeClass: WakeClass): boolean
  unmark(key: Key): void
  end(key: Key): Running | undefined
  size(): number
}

function createWork(): Work {
  const running = new Map<string, Running>()
  return {
    begin: (key, nowMs) => void running.set(textOf(key), { startedMs: nowMs, again: undefined }),
    mark(key, wakeClass) {
      const found = running.get(textOf(key))
      if (found === undefined) return false
      running.set(textOf(key), { ...found, again: found.again === undefined ? wakeClass : betterOf(found.again, wakeClass) })
      return true
    },
    unmark(key) {
      const found = running.get(textOf(key))
      if (found) running.set(textOf(key), { ...found, again: undefined })
    },
    end(key) {
      const found = running.get(textOf(key))
      running.delete(textOf(key))
      return found
    },
    size: () => running.size,
  }
}

interface QueueMetrics {
  added(): void
  retried(): void
  taken(ms: number): void
  worked(ms: number): void
  close(): void
}

/** As client-go's: ten decades; ours begin at a microsecond, finer cannot be measured here. */
const secondsBuckets = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1000]

function createQueueMetrics({ name, metrics }: QueueOptions, depthOf: () => number): QueueMetrics {
  const labels = { name }
  const histogram = { labels: ['name'], buckets: secondsBuckets } as const
  const depth = metrics.gauge('workqueue_depth', 'Keys waiting for a worker.', ['name'])
  const adds = metrics.counter('workqueue_adds_total', 'Keys added to the queue.', ['name'])
  const retries = metrics.counter('workqueue_retries_total', 'Failed runs whose key is tried again.', ['name'])
  const queued = metrics.histogram('workqueue_queue_duration_seconds', 'Time a key waited for a worker.', histogram)
  const worked = metrics.histogram('workqueue_work_duration_seconds', 'Time a key was in work, waits included.', histogram)
  return {
    added: () => adds.inc(labels),
    retried: () => retries.inc(labels),
    taken: (ms) => queued.observe(labels, ms / 1000),
    worked: (ms) => worked.observe(labels, ms / 1000),
    close: metrics.beforeScrape(() => depth.set(labels, depthOf())),
  }
}
