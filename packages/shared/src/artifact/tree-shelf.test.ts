import { describe, expect, it } from '@jest/globals'
import { setImmediate as turn } from 'node:timers/promises'
import { createShelf, type CachedTree } from './tree-shelf.ts'

const tree = (digest: string, names: number): CachedTree => ({
  digest,
  file: `/trees/${digest}`,
  spans: new Map(),
  manifest: { files: new Map(Array.from({ length: names }, (_, at) => [`f${at}`, 'sha256:x'] as const)), directories: new Set() },
  archiveBytes: 1,
  diskBytes: 1,
})

interface TestShelf {
  readonly evicted: readonly string[]
  /** A run that wants a tree for a source; returns how it ends. */
  use(digest: string, source: string, names?: number): Promise<() => Promise<void>>
}

function testShelf(): TestShelf {
  const evicted: string[] = []
  const shelf = createShelf({ budgetBytes: 1_000_000, budgetNames: 100, evict: async ({ digest }) => void evicted.push(digest) })
  return {
    evicted,
    async use(digest, source, names = 1) {
      const pinned = shelf.pin(shelf.find(digest) ?? (await shelf.add(digest, async () => tree(digest, names))), source)
      await turn()
      return async () => {
        pinned.release()
        await turn()
      }
    },
  }
}

/** One tree after the other, each of a source of its own. */
async function fill(count: number, names: number): Promise<readonly string[]> {
  const { use, evicted } = testShelf()
  for (let at = 0; at < count; at += 1) await (await use(String(at), `source ${at}`, names))()
  return evicted
}

describe('the shelf of trees', () => {
  it('keeps what a source holds and held before, however often it changes', async () => {
    const { use, evicted } = testShelf()
    for (const digest of ['a', 'b', 'c', 'd', 'c', 'd', 'c', 'e']) await (await use(digest, 'fleet'))()
    expect(evicted).toEqual(['a', 'b', 'd'])
  })

  it('keeps a tree that its source left behind while it is in use, and while another source holds it', async () => {
    const { use, evicted } = testShelf()
    const end = await use('a', 'one')
    await (await use('b', 'one'))()
    await (await use('b', 'two'))()
    for (const digest of ['c', 'd']) await (await use(digest, 'one'))()
    expect(evicted).toEqual([])
    await end()
    expect(evicted).toEqual(['a'])
    for (const digest of ['c', 'd']) await (await use(digest, 'two'))()
    expect(evicted).toEqual(['a', 'b'])
  })

  it('makes a tree again that was left behind', async () => {
    const { use, evicted } = testShelf()
    for (const digest of ['a', 'b', 'c', 'a', 'b', 'c']) await (await use(digest, 'fleet'))()
    expect(evicted).toEqual(['a', 'b', 'c', 'a'])
  })

  it('does not hold the names of every source that there was: beyond some trees it keeps to its budget', async () => {
    expect(await fill(60, 3)).toEqual(Array.from({ length: 27 }, (_, at) => String(at))) // 33 trees have 99 names
  })

  it('keeps the trees that were used last, however many names they have', async () => {
    expect(await fill(40, 1_000)).toEqual(Array.from({ length: 8 }, (_, at) => String(at)))
  })
})
