/** Work that several ask for at once is done once. */
export interface SharedWork<T> {
  /**
   * Joins the work of this key or starts it. Rejects at once with the signal's reason when that fires; the work itself is
   * aborted only when everyone who asked has gone.
   */
  join(key: string, signal: AbortSignal | undefined, start: (signal: AbortSignal) => Promise<T>): { readonly result: Promise<T>; readonly started: boolean }
}

interface Running<T> {
  readonly result: Promise<T>
  readonly stop: AbortController
  askers: number
}

export function createSharedWork<T>(): SharedWork<T> {
  const running = new Map<string, Running<T>>()

  const begin = (key: string, start: (signal: AbortSignal) => Promise<T>): Running<T> => {
    const stop = new AbortController()
    const result = start(stop.signal)
    const work: Running<T> = { result, stop, askers: 0 }
    running.set(key, work)
    const end = (): void => {
      if (running.get(key) === work) running.delete(key)
    }
    result.then(end, end)
    return work
  }
  return {
    join(key, signal, start) {
      const known = running.get(key)
      const work = known ?? begin(key, start)
      work.askers += 1
      const leave = (): void => {
        work.askers -= 1
        if (work.askers > 0) return
        running.delete(key)
        work.stop.abort(signal?.reason)
      }
      return { result: untilAborted(work.result, signal, leave), started: known === undefined }
    },
  }
}

function untilAborted<T>(result: Promise<T>, signal: AbortSignal | undefined, leave: () => void): Promise<T> {
  if (signal === undefined) return result
  const { promise, reject } = Promise.withResolvers<never>()
  const abort = (): void => {
    leave()
    reject(signal.reason instanceof Error ? signal.reason : new Error('aborted', { cause: signal.reason }))
  }
  if (signal.aborted) abort()
  else signal.addEventListener('abort', abort, { once: true })
  return Promise.race([result, promise]).finally(() => signal.removeEventListener('abort', abort))
}
