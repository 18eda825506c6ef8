import type { Worker } from './worker.ts'

export interface PoolOptions {
  readonly most: number
  /** A process without work ends after this. */
  readonly idleMs: number
  readonly start: () => Worker
  /** A place became free. */
  readonly onRoom: () => void
}

/** Processes, started when asked for and ended when nobody asks. */
export interface Pool {
  /** A free process; undefined when all are busy (`onRoom` tells). A fresh one takes the place of an idle one. */
  take(want: 'any' | 'fresh'): Worker | undefined
  /** Takes a process back. */
  rest(worker: Worker): void
  /** Ends one that has been taken. */
  retire(worker: Worker): void
  workers(): readonly Worker[]
}

export function createPool({ most, idleMs, start, onRoom }: PoolOptions): Pool {
  const workers = new Set<Worker>()
  const resting = new Map<Worker, NodeJS.Timeout>()

  const wake = (worker: Worker): void => {
    clearTimeout(resting.get(worker))
    resting.delete(worker)
  }
  const startOne = (): Worker => {
    const worker = start()
    workers.add(worker)
    void worker.gone.then(() => {
      wake(worker)
      workers.delete(worker)
      onRoom()
    })
    return worker
  }
  return {
    workers: () => [...workers],
    retire: (worker) => worker.end(),
    take(want) {
      const free = [...resting.keys()].find((worker) => worker.idle())
      if (free !== undefined && want === 'any') {
        wake(free)
        return free
      }
      if (workers.size < most) return startOne()
      if (free !== undefined) {
        wake(free)
        free.end()
      }
      return undefined
    },
    rest(worker) {
      if (!worker.idle()) return
      const timer = setTimeout(() => {
        wake(worker)
        worker.end()
      }, idleMs)
      timer.unref()
      resting.set(worker, timer)
      onRoom()
    },
  }
}
