import type { Change, Inventory } from '@weir/shared/apply'
import { textOf, type Key } from '@weir/shared/runtime'

/** What this process remembers of a Kustomization between two runs; lost with it, and nothing depends on it but speed and words. */
export interface Remembered {
  /** Revision and digest of the artifact that a run works on or has worked on; undefined after a run that had none to work on. */
  attempted: { readonly revision: string; readonly digest: string } | undefined
  /** What was changed in the cluster, until it was told. */
  changes: readonly Change[]
  /** What the run that wrote the inventory left out of it: what it pruned, or forgot. Whatever else is stored stays. */
  dropped: Inventory
  /** The last run ended because objects were not current: it is worth another one once they are. */
  unhealthy: boolean
  /** Set by a run that waits for health: drift is corrected within the wait. */
  interrupt: (() => void) | undefined
}

export interface Memory {
  of(key: Key): Remembered
  forget(key: Key): void
  /** The key waits for a dependency; `circle` names the Kustomizations that wait for each other. */
  block(key: Key, circle?: readonly Key[]): void
  unblock(key: Key): void
  isBlocked(key: Key): boolean
  /** Keys that were stalled by a circle that this key is part of. */
  circledWith(key: Key): readonly Key[]
}

export function createMemory(): Memory {
  const known = new Map<string, Remembered>()
  const blocked = new Set<string>()
  const circles = new Map<string, { readonly key: Key; readonly circle: readonly Key[] }>()
  const unblock = (key: Key): void => {
    blocked.delete(textOf(key))
    circles.delete(textOf(key))
  }
  return {
    of(key) {
      const remembered: Remembered = known.get(textOf(key)) ?? { attempted: undefined, changes: [], dropped: [], unhealthy: false, interrupt: undefined }
      known.set(textOf(key), remembered)
      return remembered
    },
    forget(key) {
      known.delete(textOf(key))
      unblock(key)
    },
    block(key, circle = []) {
      unblock(key)
      blocked.add(textOf(key))
      if (circle.length > 0) circles.set(textOf(key), { key, circle })
    },
    unblock,
    isBlocked: (key) => blocked.has(textOf(key)),
    circledWith: (key) => [...circles.values()].filter(({ circle }) => circle.some((each) => textOf(each) === textOf(key))).map((each) => each.key),
  }
}
