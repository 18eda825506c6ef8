/** Remembers the last ids, so that a duplicate is seen as one as far as memory reaches. */
export interface RecentIds {
  /** True the first time. */
  add(id: string): boolean
}

export function createRecentIds(limit = 8192): RecentIds {
  const ids = new Set<string>()
  return {
    add(id) {
      if (ids.has(id)) return false
      ids.add(id)
      for (const oldest of ids) {
        if (ids.size <= limit) break
        ids.delete(oldest)
      }
      return true
    },
  }
}
