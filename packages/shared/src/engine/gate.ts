import { EngineError } from './engine-error.ts'

/** Lets so many run at a time. */
export interface Gate {
  /** Waits for a place, then runs. EngineError `aborted` when the signal fires before that. */
  run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T>
  /** Resolves when nobody is inside. */
  drained(): Promise<void>
}

export function createGate(places: number): Gate {
  const waiting: (() => void)[] = []
  const inside = new Set<Promise<unknown>>()

  const place = async (signal: AbortSignal): Promise<void> => {
    while (inside.size >= places && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>()
      waiting.push(resolve)
      signal.addEventListener('abort', () => resolve(), { once: true })
      await promise
    }
    if (signal.aborted) throw new EngineError('aborted', 'the build was given up', { cause: signal.reason })
  }
  return {
    async run(signal, work) {
      await place(signal)
      const running = work()
      inside.add(running)
      try {
        return await running
      } finally {
        inside.delete(running)
        // All of them look again: the first may have been given up.
        for (const wake of waiting.splice(0)) wake()
      }
    },
    async drained() {
      while (inside.size > 0) await Promise.allSettled(inside)
    },
  }
}
