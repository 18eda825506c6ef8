import { LRUCache } from 'lru-cache'
import type { BuiltObject } from '@weir/shared/engine'

/** Built objects by key, least recently used first to go, under a budget of bytes. Never on disk: they hold Secrets. */
export interface ObjectCache {
  get(key: string): readonly BuiltObject[] | undefined
  set(key: string, objects: readonly BuiltObject[]): void
  sizeBytes(): number
}

/** What an object costs beside its text. */
const overheadBytes = 200

export function createObjectCache(budgetBytes: number): ObjectCache {
  const cache = new LRUCache<string, readonly BuiltObject[]>({ maxSize: budgetBytes, sizeCalculation: sizeOf })
  return {
    get: (key) => cache.get(key),
    set: (key, objects) => void cache.set(key, objects),
    sizeBytes: () => cache.calculatedSize,
  }
}

function sizeOf(objects: readonly BuiltObject[]): number {
  return objects.reduce((size, { json, yaml }) => size + json.length + yaml.length + overheadBytes, overheadBytes)
}
