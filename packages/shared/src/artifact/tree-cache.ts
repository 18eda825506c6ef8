import { ArtifactError } from './artifact-error.ts'
import { createShelf, type CachedTree, type Entry, type ShelfOptions } from './tree-shelf.ts'

export interface TakeOptions {
  /** Whose tree it is: of each only the last two are kept. */
  readonly source: string
  /** Where it would be made from: only equal ones wait for each other's attempt. */
  readonly variant: string
  readonly signal: AbortSignal
  /** Its signal aborts when everyone who waits has left. */
  make(signal: AbortSignal): Promise<CachedTree>
}

/** Unpacked trees by digest: made once, pinned while in use, out when their sources have moved on, least recently used first out when over the budget. */
export interface TreeCache {
  take(digest: string, options: TakeOptions): Promise<CachedTree & { release(): void }>
  /** Evicts all that nobody uses; says whether there was any. */
  empty(): Promise<boolean>
  sizeBytes(): number
  /** Aborts what is being made and waits for it. */
  close(): Promise<void>
}

interface Making {
  readonly key: string
  readonly result: Promise<Entry>
  readonly abort: AbortController
  waiting: number
}

export function createTreeCache(options: ShelfOptions): TreeCache {
  const shelf = createShelf(options)
  const making = new Map<string, Making>()

  const join = (digest: string, { variant, make }: TakeOptions): Making => {
    const key = `${digest} ${variant}`
    const running = making.get(key)
    if (running) return running
    const abort = new AbortController()
    const begun: Making = { key, abort, waiting: 0, result: shelf.add(digest, () => make(abort.signal)) }
    making.set(key, begun)
    const ended = (): void => forget(begun)
    begun.result.then(ended, ended)
    return begun
  }
  const forget = (begun: Making): void => {
    if (making.get(begun.key) === begun) making.delete(begun.key)
  }
  /** The next who asks starts anew instead of joining what is being aborted. */
  const leave = (begun: Making): void => {
    begun.waiting -= 1
    if (begun.waiting > 0) return
    forget(begun)
    begun.abort.abort()
  }

  return {
    async take(digest, taking) {
      if (taking.signal.aborted) throw new ArtifactError('aborted', 'fetch an artifact: aborted')
      const known = shelf.find(digest)
      if (known) return shelf.pin(known, taking.source)
      const begun = join(digest, taking)
      begun.waiting += 1
      try {
        return shelf.pin(await orAborted(begun.result, taking.signal), taking.source)
      } finally {
        leave(begun)
      }
    },
    empty: () => shelf.shrink(0),
    sizeBytes: shelf.sizeBytes,
    async close() {
      const running = [...making.values()]
      for (const { abort } of running) abort.abort()
      await Promise.allSettled(running.map(({ result }) => result))
    },
  }
}

async function orAborted<T>(result: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const leave = (): void => reject(new ArtifactError('aborted', 'fetch an artifact: aborted'))
  signal.addEventListener('abort', leave, { once: true })
  try {
    return await Promise.race([result, promise])
  } finally {
    signal.removeEventListener('abort', leave)
  }
}
