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
}

export interface ShelfOptions {
  /** On disk. */
  readonly budgetBytes: number
  /** Names of files and folders, which are held in memory: some 240 bytes each. Counts only beyond the trees that are always kept. */
  readonly budgetNames: number
  /** Removes a tree that nobody uses from disk. */
  evict(tree: CachedTree): Promise<void>
}

/** The trees that are there: pinned while in use, the least recently used out when there are too many bytes or names. */
export interface Shelf {
  /** Makes it the most recently used. */
  find(digest: string): Entry | undefined
  /** One at a time for a digest: who comes later finds it made. */
  add(digest: string, make: () => Promise<CachedTree>): Promise<Entry>
  pin(entry: Entry): CachedTree & { release(): void }
  /** Evicts what nobody uses until there are no more bytes than that; says whether anything went. */
  shrink(toBytes: number): Promise<boolean>
  sizeBytes(): number
}

/** So many go for their bytes alone: a tree with more names than the budget is not fetched again for each who wants it. */
const keptTrees = 32

export function createShelf({ budgetBytes, budgetNames, evict }: ShelfOptions): Shelf {
  const entries = new Map<string, Entry>() // in the order of last use
  const inWork = new Map<string, Promise<unknown>>() // digests that are being made or removed
  const namesHeld = (): number => [...entries.values()].reduce((sum, { tree: { manifest } }) => sum + manifest.files.size + manifest.directories.size, 0)
  const sizeBytes = (): number => [...entries.values()].reduce((sum, { tree }) => sum + tree.diskBytes, 0)

  const remove = async (digest: string, { tree }: Entry): Promise<void> => {
    entries.delete(digest)
    const removing = evict(tree).catch(() => undefined)
    inWork.set(digest, removing)
    await removing
    if (inWork.get(digest) === removing) inWork.delete(digest)
  }
  const shrink = async (toBytes: number): Promise<boolean> => {
    const before = entries.size
    for (const [digest, entry] of entries) {
      if (sizeBytes() <= toBytes && (entries.size <= keptTrees || namesHeld() <= budgetNames)) break
      if (entry.pins === 0) await remove(digest, entry)
    }
    return entries.size < before
  }
  const unpin = (entry: Entry): void => {
    entry.pins -= 1
    if (entry.pins === 0) void shrink(budgetBytes)
  }
  const makeEntry = async (digest: string, work: Promise<CachedTree>): Promise<Entry> => {
    const entry: Entry = { tree: await work, pins: 1 } // held until those who wait had their turn to pin it
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
    pin(entry) {
      entry.pins += 1
      const state = { released: false }
      const release = (): void => {
        if (state.released) return
        state.released = true
        unpin(entry)
      }
      return { ...entry.tree, release }
    },
    shrink,
    sizeBytes,
  }
}
