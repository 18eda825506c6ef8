import { GitError } from './git-error.ts'

/** Runs equal work once for all who ask while it runs. */
export interface Sharing<T> {
  /**
   * Joins the work under `key` or starts it. Its signal aborts when the last caller has left; a caller whose own signal
   * aborts leaves at once with GitError `aborted`.
   */
  run(key: string, signal: AbortSignal | undefined, start: (signal: AbortSignal) => Promise<T>): Promise<T>
}

interface Running<T> {
  readonly result: Promise<T>
  readonly abort: AbortController
  callers: number
}

export function createSharing<T>(): Sharing<T> {
  const running = new Map<string, Running<T>>()

  const begin = (key: string, start: (signal: AbortSignal) => Promise<T>): Running<T> => {
    const abort = new AbortController()
    const result = start(abort.signal).finally(() => {
      if (running.get(key) === entry) running.delete(key)
    })
    result.catch(() => undefined) // every caller has its own view of it
    const entry: Running<T> = { result, abort, callers: 0 }
    running.set(key, entry)
    return entry
  }

  return {
    async run(key, signal, start) {
      if (signal?.aborted) throw new GitError('aborted', 'aborted')
      const entry = running.get(key) ?? begin(key, start)
      entry.callers += 1
      try {
        return await orAborted(entry.result, signal)
      } finally {
        entry.callers -= 1
        if (entry.callers === 0) {
          if (running.get(key) === entry) running.delete(key)
          entry.abort.abort()
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
