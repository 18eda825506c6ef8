import type { Clock } from '@weir/shared/runtime'

/** A clock that moves only when told to. */
export interface FakeClock extends Clock {
  /** Moves on by `ms`; fires what is due, in order, and lets promises settle between two timers. */
  advance(ms: number): Promise<void>
  /** Timers that have not fired. */
  pending(): number
}

interface Due {
  readonly atMs: number
  readonly fire: () => void
}

/** Starts at 2026-01-02T03:04:05Z unless told otherwise. */
export function createFakeClock(start = new Date('2026-01-02T03:04:05Z')): FakeClock {
  const due = new Set<Due>()
  const state = { elapsedMs: 0 }
  const next = (untilMs: number): Due | undefined =>
    [...due].filter((entry) => entry.atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0]

  const clock: FakeClock = {
    now: () => new Date(start.getTime() + state.elapsedMs),
    monotonicMs: () => state.elapsedMs,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        const timer = clock.timer(ms, resolve)
        signal?.addEventListener('abort', () => {
          timer.cancel()
          reject(signal.reason)
        })
      }),
    timer(ms, fire) {
      const entry: Due = { atMs: state.elapsedMs + Math.max(0, ms), fire }
      due.add(entry)
      return { cancel: () => void due.delete(entry) }
    },
    async advance(ms) {
      const untilMs = state.elapsedMs + ms
      await settle()
      for (let entry = next(untilMs); entry; entry = next(untilMs)) {
        due.delete(entry)
        state.elapsedMs = entry.atMs
        entry.fire()
        await settle()
      }
      state.elapsedMs = untilMs
      await settle()
    },
    pending: () => due.size,
  }
  return clock
}

/** Lets what was resolved so far run on. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
}
