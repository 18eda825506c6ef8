import { GitError } from './git-error.ts'

/** Runs equal work once for all who ask while it runs. */
export interface Sharing<T> {
  /**
   * Joins the work under `key` or starts it. Its signal aborts when the last caller has left; a caller whose own signal
   * aborts leaves at once with GitError `aborted`. Who joined does not fail for the deadline of the one who started it: the
   * work is tried again while the own deadline lasts.
   */
  run(key: string, work: SharedWork<T>): Promise<T>
}

/** What one caller wants. */
export interface SharedWork<T> {
  readonly signal: AbortSignal | undefined
  /** Of performance.now(). */
  readonly endMs: number
  /** Throws GitError `timeout` past the deadline of this caller. */
  start(signal: AbortSignal): Promise<T>
}

export interface SharingOptions<T> {
  /** Told of a value that nobody took: all had left when it was made. */
  unused?(value: T): void
}

interface Running<T> {
  readonly result: Promise<T>
  readonly abort: AbortController
  callers: number
  taken: number
}

export function createSharing<T>({ unused }: SharingOptions<T> = {}): Sharing<T> {
  const running = new Map<string, Running<T>>()

  const begin = (key: string, start: SharedWork<T>['start']): Running<T> => {
    const abort = new AbortController()
    const result = start(abort.signal).finally(() => {
      if (running.get(key) === entry) running.delete(key)
    })
    result.then(
      // Those who wait have their turn to take it before.
      (value) => setImmediate(() => (entry.taken === 0 ? unused?.(value) : undefined)),
      () => undefined, // every caller has its own view of it
    )
    const entry: Running<T> = { result, abort, callers: 0, taken: 0 }
    running.set(key, entry)
    return entry
  }

  const take = async (key: string, entry: Running<T>, signal: AbortSignal | undefined): Promise<T> => {
    entry.callers += 1
    try {
      const value = await orAborted(entry.result, signal)
      entry.taken += 1
      return value
    } finally {
      entry.callers -= 1
      if (entry.callers === 0) {
        if (running.get(key) === entry) running.delete(key)
        entry.abort.abort()
      }
    }
  }

  return {
    async run(key, { signal, endMs, start }) {
      for (;;) {
        if (signal?.aborted) throw new GitError('aborted', 'aborted')
        const joined = running.get(key)
        try {
          return await take(key, joined ?? begin(key, start), signal)
        } catch (error) {
          const isOfAnother = joined !== undefined && error instanceof GitError && error.code === 'timeout'
          if (!isOfAnother || performance.now() >= endMs) throw error
        }
      }
    },
  }
}

async function orAborted<T>(result: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return result
  const { promise, reject } = Promise.withResolvers<never>()
  const leave = (): void => reject(new GitError('aborted', 'aborted'))
  signal.addEventListener('abort', leave, { once: true })
  try {
    return await Promise.race([result, promise])
  } finally {
    signal.removeEventListener('abort', leave)
  }
}
