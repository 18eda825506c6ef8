import type { FlatTree, TreeManifest } from '@weir/shared/files'

/** An unpacked tree on disk. */
export interface CachedTree {
  readonly digest: string
  /** Holds the contents of all its files. */
  readonly file: string
  readonly spans: FlatTree['spans']
  readonly manifest: TreeManifest
  /** Of the archive that it came from. */
  readonly archiveBytes: number
  readonly diskBytes: number
}

export interface Entry {
  readonly tree: CachedTree
  pins: number
  /** Whose tree it is, or was until the last change. */
  readonly sources: Set<string>
}

export interface ShelfOptions {
  /** On disk. */
  readonly budgetBytes: number
  /** Names of files and folders, which are held in memory: some 240 bytes each. Counts only beyond the trees that are always kept. */
  readonly budgetNames: number
  /** Removes a tree that nobody uses from disk. */
  evict(tree: CachedTree): Promise<void>
}

/**
 * The trees that are there: pinned while in use, out when their sources have moved on twice, and the least recently used out when
 * there are too many bytes or names.
 */
export interface Shelf {
  /** Makes it the most recently used. */
  find(digest: string): Entry | undefined
  /** One at a time for a digest: who comes later finds it made. */
  add(digest: string, make: () => Promise<CachedTree>): Promise<Entry>
  /** For a source, which from now on holds this tree. */
  pin(entry: Entry, source: string): CachedTree & { release(): void }
  /** Evicts what nobody uses until there are no more bytes than that; says whether anything went. */
  shrink(toBytes: number): Promise<boolean>
  sizeBytes(): number
}

/** So many go for their bytes alone: a tree with more names than the budget is not fetched again for each who wants it. */
const keptTrees = 32
/** Of a source: the tree that it holds, and the one before, for which runs may still ask that read the source a moment ago. */
const keptRevisions = 2

export function createShelf({ budgetBytes, budgetNames, evict }: ShelfOptions): Shelf {
  const entries = new Map<string, Entry>() // in the order of last use
  const inWork = new Map<string, Promise<unknown>>() // digests that are being made or removed
  const namesHeld = (): number => [...entries.values()].reduce((sum, { tree: { manifest } }) => sum + manifest.files.size + manifest.directories.size, 0)
  const sizeBytes = (): number => [...entries.values()].reduce((sum, { tree }) => sum + tree.diskBytes, 0)
  const holdings = createHoldings()

  const remove = async (entry: Entry): Promise<void> => {
    const { digest } = entry.tree
    entries.delete(digest)
    holdings.forget(entry)
    const removing = evict(entry.tree).catch(() => undefined)
    inWork.set(digest, removing)
    await removing
    if (inWork.get(digest) === removing) inWork.delete(digest)
  }
  const shrink = async (toBytes: number): Promise<boolean> => {
    const before = entries.size
    for (const entry of entries.values()) {
      if (sizeBytes() <= toBytes && (entries.size <= keptTrees || namesHeld() <= budgetNames)) break
      if (entry.pins === 0) await remove(entry)
    }
    return entries.size < before
  }
  const unpin = (entry: Entry): void => {
    entry.pins -= 1
    if (entry.pins === 0) void (entry.sources.size === 0 ? remove(entry) : shrink(budgetBytes))
  }
  const makeEntry = async (digest: string, work: Promise<CachedTree>): Promise<Entry> => {
    const entry: Entry = { tree: await work, pins: 1, sources: new Set() } // held until those who wait had their turn to pin it
    entries.set(digest, entry)
    setImmediate(() => unpin(entry))
    return entry
  }

  return {
    find(digest) {
      const entry = entries.get(digest)
      if (entry === undefined) return undefined
      entries.delete(digest)
      entries.set(digest, entry)
      return entry
    },
    async add(digest, make) {
      for (let busy = inWork.get(digest); busy; busy = inWork.get(digest)) await busy.catch(() => undefined)
      const known = entries.get(digest)
      if (known) return known
      const work = make()
      inWork.set(digest, work)
      return makeEntry(digest, work).finally(() => inWork.delete(digest))
    },
    pin(entry, source) {
      entry.pins += 1
      for (const left of holdings.hold(source, entry)) if (left.pins === 0) void remove(left)
      return { ...entry.tree, release: onlyOnce(() => unpin(entry)) }
    },
    shrink,
    sizeBytes,
  }
}

interface Holdings {
  /** Says which trees no source holds any more. */
  hold(source: string, entry: Entry): readonly Entry[]
  forget(entry: Entry): void
}

/** Which trees each source holds, the newest first. */
function createHoldings(): Holdings {
  const held = new Map<string, readonly Entry[]>()
  return {
    hold(source, entry) {
      const all = [entry, ...(held.get(source) ?? []).filter((each) => each !== entry)]
      entry.sources.add(source)
      held.set(source, all.slice(0, keptRevisions))
      const old = all.slice(keptRevisions)
      for (const { sources } of old) sources.delete(source)
      return old.filter(({ sources }) => sources.size === 0)
    },
    forget(entry) {
      for (const source of entry.sources) {
        const rest = (held.get(source) ?? []).filter((each) => each !== entry)
        if (rest.length > 0) held.set(source, rest)
        else held.delete(source)
      }
      entry.sources.clear()
    },
  }
}

function onlyOnce(run: () => void): () => void {
  const state = { done: false }
  return () => {
    if (state.done) return
    state.done = true
    run()
  }
}
