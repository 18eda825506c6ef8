import { textOf, type Key } from '@weir/shared/runtime'
import { showSource, type SourceName } from './sources.ts'

/** Who builds which source. */
export interface SourceUsers {
  /** Replaces what `key` builds. */
  set(key: Key, source: SourceName): void
  remove(key: Key): void
  of(source: SourceName): readonly Key[]
}

export function createSourceUsers(): SourceUsers {
  const users = new Map<string, Map<string, Key>>()
  const sources = new Map<string, string>()
  const remove = (key: Key): void => {
    const source = sources.get(textOf(key)) ?? ''
    const others = users.get(source)
    others?.delete(textOf(key))
    if (others?.size === 0) users.delete(source)
    sources.delete(textOf(key))
  }
  return {
    set(key, name) {
      const source = showSource(name)
      if (sources.get(textOf(key)) === source) return
      remove(key)
      sources.set(textOf(key), source)
      users.set(source, (users.get(source) ?? new Map<string, Key>()).set(textOf(key), key))
    },
    remove,
    of: (source) => [...(users.get(showSource(source))?.values() ?? [])],
  }
}
