import type { Tree, TreeManifest } from '@weir/shared/files'
import { changesBetween, touches } from './changes.ts'
import type { Changes } from './changes.ts'
import type { Footprint } from './closure/closure.ts'

/** A footprint and what identifies its content. */
export interface KnownFootprint {
  readonly footprint: Footprint
  /** Equal content, equal digest, whichever tree it lies in. */
  readonly digest: string
}

export interface FootprintRequest {
  readonly tree: Tree
  readonly owner: string
  /** What of the spec a footprint depends on. */
  readonly scope: string
  readonly scan: () => Promise<KnownFootprint>
}

/** Remembers what builds depend on, tree by tree, for as long as some owner's last build was of that tree. */
export interface FootprintMemory {
  /** Scans only what neither this tree nor the owner's last one has answered. */
  footprint(request: FootprintRequest): Promise<KnownFootprint>
  forget(owner: string): void
  /** Footprints that were carried over from an earlier tree. */
  carried(): number
}

interface KnownTree {
  readonly digest: string
  readonly manifest: TreeManifest
  readonly footprints: Map<string, Promise<KnownFootprint>>
  readonly owners: Set<string>
  readonly since: WeakMap<KnownTree, Changes>
}

/** Owners beyond this lose their memory, oldest first: it costs them one scan. */
const maxOwners = 50_000

export function createFootprintMemory(): FootprintMemory {
  const trees = new Map<string, KnownTree>()
  const lastTree = new Map<string, KnownTree>()
  let carriedCount = 0

  const leave = (owner: string): void => {
    const known = lastTree.get(owner)
    lastTree.delete(owner)
    known?.owners.delete(owner)
    if (known?.owners.size === 0) trees.delete(known.digest)
  }
  const enter = (owner: string, tree: Tree): KnownTree => {
    const known = trees.get(tree.digest) ?? newTree(tree)
    trees.set(tree.digest, known)
    known.owners.add(owner)
    if (lastTree.get(owner) !== known) leave(owner)
    // Known owners move to the end: the first is the one that was quiet for longest.
    lastTree.delete(owner)
    lastTree.set(owner, known)
    known.owners.add(owner)
    const oldest = lastTree.size > maxOwners ? lastTree.keys().next().value : undefined
    if (oldest !== undefined) leave(oldest)
    return known
  }
  const carryOver = async (from: KnownTree, to: KnownTree, scope: string): Promise<KnownFootprint | undefined> => {
    const known = await from.footprints.get(scope)?.catch(() => undefined)
    if (known === undefined || touches(changesSince(from, to), known.footprint)) return undefined
    carriedCount += 1
    return known
  }

  return {
    carried: () => carriedCount,
    forget: leave,
    footprint({ tree, owner, scope, scan }) {
      const before = lastTree.get(owner)
      const known = enter(owner, tree)
      const kept = known.footprints.get(scope)
      if (kept !== undefined) return kept
      const found = before === undefined || before === known ? scan() : carryOver(before, known, scope).then((carried) => carried ?? scan())
      known.footprints.set(scope, found)
      // A failure is not remembered: what was missing may only have been unreadable.
      found.catch(() => known.footprints.delete(scope))
      return found
    },
  }
}

function newTree({ digest, manifest }: Tree): KnownTree {
  return { digest, manifest, footprints: new Map(), owners: new Set(), since: new WeakMap() }
}

function changesSince(from: KnownTree, to: KnownTree): Changes {
  const kept = to.since.get(from)
  if (kept !== undefined) return kept
  const changes = changesBetween(from.manifest, to.manifest)
  to.since.set(from, changes)
  return changes
}
