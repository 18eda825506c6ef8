/** The only way time is read or waited for. Wall time is for people and the API; durations use the monotonic clock. */
export interface Clock {
  now(): Date
  monotonicMs(): number
  /** Resolves after `ms`; rejects with the signal's reason when it aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Calls `fire` once after `ms`, unless cancelled. */
  timer(ms: number, fire: () => void): Timer
}

export interface Timer {
  cancel(): void
}

/** setTimeout counts in a signed 32-bit integer: longer waits would fire at once. */
const longestTimerMs = 2_147_483_647

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  sleep: (ms, signal) => sleepWith(systemClock, ms, signal),
  timer(ms, fire) {
    let handle: NodeJS.Timeout
    const arm = (leftMs: number): void => {
      const partMs = Math.min(leftMs, longestTimerMs)
      handle = setTimeout(() => (leftMs > partMs ? arm(leftMs - partMs) : fire()), partMs)
    }
    arm(Math.max(0, ms))
    return { cancel: () => clearTimeout(handle) }
  },
}

/** A sleep made of any clock's timer. */
export function sleepWith(clock: Pick<Clock, 'timer'>, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const onAbort = (): void => {
      timer.cancel()
      reject(signal?.reason)
    }
    const timer = clock.timer(ms, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}
