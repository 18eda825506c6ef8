import { annotations, type Kustomization } from '@weir/shared/api'
import { prune, subtract, unite, type Change, type Inventory } from '@weir/shared/apply'
import { failing, failingTransiently, isStop, type Stop } from '@weir/shared/runtime'
import { inventoryOf } from './apply.ts'
import type { Context, Prepared } from '../ports.ts'

/**
 * A build of nothing is far more often a wrong path or a bad merge than the wish to delete everything (docs/differences.md):
 * refused until the object says otherwise. Nothing was written then, and inventory and lastAppliedRevision stay.
 */
export function refuseEmptyBuild(kustomization: Kustomization, prepared: Prepared): Stop | undefined {
  if (!kustomization.spec.prune || prepared.desired.length > 0 || inventoryOf({ kustomization }).length === 0) return undefined
  if (kustomization.metadata.annotations?.[annotations.allowEmpty] === 'true') return undefined
  const count = inventoryOf({ kustomization }).length
  const message = `the build is empty: ${count} applied ${count === 1 ? 'object is' : 'objects are'} kept; to delete everything, annotate with ${annotations.allowEmpty}: "true"`
  return failing({ reason: 'PruneFailed', message })
}

/** What is owned after a sweep, and what it did. */
export interface Swept {
  readonly inventory: Inventory
  readonly changes: readonly Change[]
}

/** Deletes what left the build, if `prune` says so, and notes the inventory: the build, and what could not be deleted. */
export async function sweep(context: Context, prepared: Prepared): Promise<Swept | Stop> {
  const { kustomization, deps, step } = context
  const known = subtract(inventoryOf(context), prepared.inventory)
  if (!kustomization.spec.prune || known.length === 0) {
    noteInventory(context, prepared.inventory, known)
    return { inventory: prepared.inventory, changes: [] }
  }
  const stale = await step('confirm inventory', async () => confirmStale(context, prepared))
  if (isStop(stale)) return stale
  const result = await step.critical('prune', (signal) =>
    prune({ owner: context.owner, stale, kube: deps.kube, live: deps.live, concurrency: deps.rules.concurrentSsa, signal }),
  )
  if (isStop(result)) return result
  const remembered = deps.memory.of(context.run.key)
  remembered.changes = [...remembered.changes, ...result.changes]
  const inventory = unite(prepared.inventory, result.survivors)
  noteInventory(context, inventory, subtract(stale, result.survivors))
  if (result.message === undefined) return { inventory, changes: result.changes }
  const why = { reason: 'PruneFailed', message: result.message }
  return result.failures.every(({ isTransient }) => isTransient) ? failingTransiently(why) : failing(why)
}

/** Never prune on an inventory that somebody else may have written since: read once, unless this process wrote it. */
async function confirmStale({ run }: Context, prepared: Prepared): Promise<Inventory> {
  const confirmed = await run.confirmed()
  if (!confirmed?.ok) return [] // it is gone: its finalizer decides
  return subtract(inventoryOf({ kustomization: confirmed.value }), prepared.inventory)
}

function noteInventory({ step, deps, owner, run }: Context, inventory: Inventory, dropped: Inventory): void {
  deps.memory.of(run.key).dropped = dropped
  step.note({ inventory: { entries: [...inventory] } })
  deps.live.track(owner, inventory)
}
