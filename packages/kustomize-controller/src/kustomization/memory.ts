import type { Change } from '@weir/shared/apply'
import { textOf, type Key } from '@weir/shared/runtime'

/** What this process remembers of a Kustomization between two runs; lost with it, and nothing depends on it but speed and words. */
export interface Remembered {
  /** Revision and digest of the artifact of the last run that fetched it. */
  attempted?: { readonly revision: string; readonly digest: string }
  /** What the last run changed in the cluster, until it was told. */
  changes: readonly Change[]
  /** The last run ended at a dependency. */
  blocked: boolean
}

export interface Memory {
  of(key: Key): Remembered
  forget(key: Key): void
  /** Keys whose last run ended at a dependency. */
  blocked(): readonly Key[]
}

export function createMemory(): Memory {
  const known = new Map<string, { readonly key: Key; readonly remembered: Remembered }>()
  return {
    of(key) {
      const text = textOf(key)
      const found = known.get(text)
      if (found) return found.remembered
      const remembered: Remembered = { changes: [], blocked: false }
      known.set(text, { key, remembered })
      return remembered
    },
    forget: (key) => void known.delete(textOf(key)),
    blocked: () => [...known.values()].flatMap(({ key, remembered }) => (remembered.blocked ? [key] : [])),
  }
}
