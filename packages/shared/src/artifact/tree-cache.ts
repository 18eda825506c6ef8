import type { TreeManifest } from '@weir/shared/files'
import { ArtifactError } from './artifact-error.ts'

/** An unpacked tree on disk. */
export interface CachedTree {
  readonly digest: string
  readonly root: string
  readonly manifest: TreeManifest
  /** Of the archive that it came from. */
  readonly archiveBytes: number
  readonly diskBytes: number
}

export interface TakeOptions {
  /** Where it would be made from: only equal ones wait for each other's attempt. */
  readonly variant: string
  readonly signal: AbortSignal
  /** Its signal aborts when everyone who waits has left. */
  make(signal: AbortSignal): Promise<CachedTree>
}

/** Unpacked trees by digest: made once, pinned while in use, least recently used first out when over the budget. */
export interface TreeCache {
  take(digest: string, options: TakeOptions): Promise<CachedTree & { release(): void }>
  /** Evicts all that nobody uses; says whether there was any. */
  empty(): Promise<boolean>
  sizeBytes(): number
  /** Aborts what is being made and waits for it. */
  close(): Promise<void>
}

interface Entry {
  readonly tree: CachedTree
  pins: number
}

interface Making {
  readonly result: Promise<Entry>
  readonly abort: AbortController
  waiting: number
}

export function createTreeCache(options: { readonly budgetBytes: number; evict(tree: CachedTree): Promise<void> }): TreeCache {
  const entries = new Map<string, Entry>() // in the order of last use
  const making = new Map<string, Making>()
  const digestsInWork = new Map<string, Promise<unknown>>()
  const sizeBytes = (): number => [...entries.values()].reduce((sum, { tree }) => sum + tree.diskBytes, 0)

  const shrink = async (budgetBytes: number): Promise<boolean> => {
    const before = entries.size
    for (const [digest, entry] of entries) {
      if (sizeBytes() <= budgetBytes) break
      if (entry.pins > 0) continue
      entries.delete(digest)
      const removing = options.evict(entry.tree).catch(() => undefined)
      digestsInWork.set(digest, removing) // the same digest is not unpacked into a directory that is being removed
      await removing
      if (digestsInWork.get(digest) === removing) digestsInWork.delete(digest)
    }
    return entries.size < before
  }

  const unpin = (entry: Entry): void => {
    entry.pins -= 1
    if (entry.pins === 0) void shrink(options.budgetBytes)
  }

  /** Different sources of one digest take turns, and the later ones find it made. */
  const makeInTurn = async (digest: string, make: () => Promise<CachedTree>): Promise<Entry> => {
    for (let busy = digestsInWork.get(digest); busy; busy = digestsInWork.get(digest)) await busy.catch(() => undefined)
    const known = entries.get(digest)
    if (known) return known
    const work = make()
    digestsInWork.set(digest, work)
    try {
      const entry: Entry = { tree: await work, pins: 1 } // held until those who wait had their turn to pin it
      entries.set(digest, entry)
      setImmediate(() => unpin(entry))
      return entry
    } finally {
      digestsInWork.delete(digest)
    }
  }

  const join = (digest: string, { variant, make }: TakeOptions): Making => {
    const key = `${digest} ${variant}`
    const running = making.get(key)
    if (running) return running
    const abort = new AbortController()
    const result = makeInTurn(digest, () => make(abort.signal))
    const begun: Making = { abort, waiting: 0, result }
    making.set(key, begun)
    result.catch(() => undefined).finally(() => making.get(key) === begun && making.delete(key))
    return begun
  }

  /** The next who asks starts anew instead of joining what is being aborted. */
  const leave = (digest: string, variant: string, begun: Making): void => {
    const key = `${digest} ${variant}`
    if (making.get(key) === begun) making.delete(key)
    begun.abort.abort()
  }

  const pin = (entry: Entry): CachedTree & { release(): void } => {
    entry.pins += 1
    const state = { released: false }
    return {
      ...entry.tree,
      release() {
        if (state.released) return
        state.released = true
        unpin(entry)
      },
    }
  }

  return {
    async take(digest, taking) {
      if (taking.signal.aborted) throw new ArtifactError('aborted', 'fetch an artifact: aborted')
      const known = entries.get(digest)
      if (known) {
        entries.delete(digest)
        entries.set(digest, known)
        return pin(known)
      }
      const begun = join(digest, taking)
      begun.waiting += 1
      try {
        return pin(await orAborted(begun.result, taking.signal))
      } finally {
        begun.waiting -= 1
        if (begun.waiting === 0) leave(digest, taking.variant, begun)
      }
    },
    empty: () => shrink(0),
    sizeBytes,
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
