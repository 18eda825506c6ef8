/** Values on their way to a server that may be slow: bounded, several at a time, one at a time for each key. */
export interface SendQueue<T> {
  /** Never waits. A value that waits under the same key is merged with the new one; without room the oldest goes. */
  add(key: string, value: T): void
  /** Waiting or being sent. */
  size(): number
  /** Resolves when all is sent; after `graceMs` what is left is given up and `ending` is aborted. */
  close(graceMs: number): Promise<void>
}

export interface SendQueueOptions<T> {
  readonly limit: number
  readonly workers: number
  /** Must not reject. Should give up waiting when `ending` is aborted. */
  readonly send: (value: T, ending: AbortSignal) => Promise<void>
  readonly merge: (waiting: T, added: T) => T
  readonly onDrop: (count: number) => void
}

export function createSendQueue<T>({ limit, workers, send, merge, onDrop }: SendQueueOptions<T>): SendQueue<T> {
  const waiting = new Map<string, T>()
  const sending = new Set<string>()
  const ending = new AbortController()
  const state: { closed: boolean; idle: (() => void) | undefined } = { closed: false, idle: undefined }

  const next = (): [string, T] | undefined => {
    for (const entry of waiting) if (!sending.has(entry[0])) return entry
    return undefined
  }
  const pump = (): void => {
    while (sending.size < workers) {
      const entry = next()
      if (entry === undefined) break
      waiting.delete(entry[0])
      sending.add(entry[0])
      void send(entry[1], ending.signal).finally(() => {
        sending.delete(entry[0])
        pump()
      })
    }
    if (waiting.size + sending.size === 0) state.idle?.()
  }
  const dropOldest = (): void => {
    for (const key of waiting.keys()) {
      if (waiting.size <= limit) return
      waiting.delete(key)
      onDrop(1)
    }
  }
  return {
    add(key, value) {
      if (state.closed) return
      const before = waiting.get(key)
      waiting.set(key, before === undefined ? value : merge(before, value))
      dropOldest()
      pump()
    },
    size: () => waiting.size + sending.size,
    async close(graceMs) {
      state.closed = true
      const { promise, resolve } = Promise.withResolvers<void>()
      state.idle = resolve
      const timer = setTimeout(resolve, graceMs)
      pump()
      await promise
      clearTimeout(timer)
      if (waiting.size > 0) onDrop(waiting.size)
      waiting.clear()
      ending.abort()
    },
  }
}
