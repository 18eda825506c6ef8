import { availableParallelism } from 'node:os'
import type { Telemetry } from '@weir/shared/telemetry'
import type { BuildLimits, BuiltObject, Engine, View } from './engine.ts'
import { EngineError } from './engine-error.ts'
import { createPool } from './pool.ts'
import { startWorker } from './worker.ts'
import type { Worker } from './worker.ts'

export interface KustomizeServiceOptions {
  /** Path of the built `engines/kustomize`; see {@link kustomizeEngineBinary}. */
  readonly binary: string
  readonly telemetry: Telemetry
  /** Processes at most. Default: one a core. */
  readonly processes?: number
  /** Of one process: data memory. Default 512 MiB. */
  readonly memoryBytes?: number
  /** A process without work ends after this. Default 60 s. */
  readonly idleMs?: number
}

/** The library in engines/go.mod, and our own revision of the program around it; part of every cache key. */
const serviceVersion = 'kustomize-api/v0.21.1+2'

interface Job {
  readonly view: View
  readonly limits: BuildLimits
  readonly start: (worker: Worker) => void
  readonly refuse: (error: EngineError) => void
}

/** kustomize as a pool of long-lived processes, one build at a time in each. */
export function createKustomizeService(options: KustomizeServiceOptions): Engine {
  const { binary, telemetry, idleMs = 60_000, memoryBytes = 512 * 1024 * 1024 } = options
  const queue: Job[] = []
  let started = 0
  let closed = false

  const dispatch = (): void => {
    for (let job = queue[0]; job !== undefined; job = queue[0]) {
      const worker = pool.take(job.view.ownProcess ? 'fresh' : 'any')
      if (worker === undefined) return
      queue.shift()
      job.start(worker)
    }
  }
  const pool = createPool({
    most: Math.max(1, options.processes ?? availableParallelism()),
    idleMs,
    onRoom: dispatch,
    start() {
      const worker = startWorker({ binary, memoryBytes })
      telemetry.log.debug('engine process started', { pid: worker.pid })
      return worker
    },
  })
  const run = (worker: Worker, { view, limits }: Job): Promise<readonly BuiltObject[]> => {
    started += 1
    const built = worker.build(view, limits)
    void worker.settled().then(() => (view.ownProcess ? pool.retire(worker) : pool.rest(worker)))
    return built
  }

  return {
    version: serviceVersion,
    builds: () => started,
    pids: () => pool.workers().map((worker) => worker.pid),
    async build(view, limits) {
      if (closed) throw closedError()
      const { promise, resolve, reject } = Promise.withResolvers<readonly BuiltObject[]>()
      const job: Job = { view, limits, refuse: reject, start: (worker) => resolve(run(worker, job)) }
      queue.push(job)
      const stop = whenAborted(limits.signal, () => leave(queue, job))
      dispatch()
      return promise.finally(stop)
    },
    async close() {
      closed = true
      for (const job of queue.splice(0)) job.refuse(closedError())
      const workers = pool.workers()
      for (const worker of workers) worker.kill(closedError())
      await Promise.all(workers.map((worker) => worker.gone))
    },
  }
}

function closedError(): EngineError {
  return new EngineError('aborted', 'the engine is closed')
}

/** A build that has not begun leaves the queue when its asker gives up. */
function leave(queue: Job[], job: Job): void {
  const at = queue.indexOf(job)
  if (at === -1) return
  queue.splice(at, 1)
  job.refuse(new EngineError('aborted', 'the build was given up', { cause: job.limits.signal?.reason }))
}

function whenAborted(signal: AbortSignal | undefined, run: () => void): () => void {
  if (signal === undefined) return () => undefined
  signal.addEventListener('abort', run, { once: true })
  if (signal.aborted) run()
  return () => signal.removeEventListener('abort', run)
}
