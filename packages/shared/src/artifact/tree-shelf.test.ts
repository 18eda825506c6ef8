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

/** Adds one tree after the other, as commits would. */
async function fill(count: number, names: number): Promise<readonly string[]> {
  const evicted: string[] = []
  const shelf = createShelf({ budgetBytes: 1_000_000, budgetNames: 100, evict: async ({ digest }) => void evicted.push(digest) })
  for (let at = 0; at < count; at += 1) {
    const pinned = shelf.pin(await shelf.add(String(at), async () => tree(String(at), names)))
    await turn()
    pinned.release()
    await turn()
  }
  return evicted
}

describe('the shelf of trees', () => {
  it('does not hold the names of every revision that there was: beyond some trees it keeps to its budget', async () => {
    expect(await fill(60, 3)).toEqual(Array.from({ length: 27 }, (_, at) => String(at))) // 33 trees have 99 names
  })

  it('keeps the trees that were used last, however many names they have', async () => {
    expect(await fill(40, 1_000)).toEqual(Array.from({ length: 8 }, (_, at) => String(at)))
  })
})
