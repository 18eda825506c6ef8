import type { InventoryEntry } from '@weir/shared/api'
import { compareForApply, inventoryId, parseInventoryId } from '@weir/shared/manifest'
import type { ObjectId, ObjectRef } from '@weir/shared/manifest'

export type Inventory = readonly InventoryEntry[]

/** One entry an object, without doubles, in the order of an apply. */
export function toInventory(refs: Iterable<ObjectRef>): Inventory {
  return sortEntries([...refs].map((ref) => ({ id: inventoryId(ref), v: ref.version })))
}

/** All entries of both; where both have one, the version of `over`. */
export function unite(base: Inventory, over: Inventory): Inventory {
  return sortEntries([...base, ...over])
}

/** The entries of `base` that `less` does not hold, whatever their version: what is stale. */
export function subtract(base: Inventory, less: Inventory): Inventory {
  const ids = new Set(less.map(({ id }) => id))
  return base.filter(({ id }) => !ids.has(id))
}

/** The same objects, whatever their versions and order. */
export function holdsAll(inventory: Inventory, wanted: Inventory): boolean {
  return subtract(wanted, inventory).length === 0
}

/** Entries whose id cannot be read are left out: `unreadable` names them. */
export function toRefs(inventory: Inventory): readonly ObjectRef[] {
  return inventory.flatMap((entry) => {
    const id = parseInventoryId(entry.id)
    return id === undefined ? [] : [{ ...id, version: entry.v }]
  })
}

/** Ids that are no ids, as a hand-edited status may hold: nothing is ever deleted for them. */
export function unreadable(inventory: Inventory): readonly string[] {
  return inventory.map(({ id }) => id).filter((id) => parseInventoryId(id) === undefined)
}

function sortEntries(entries: Inventory): Inventory {
  const byId = new Map(entries.map((entry) => [entry.id, entry]))
  const known = [...byId.values()].map((entry) => ({ entry, id: parseInventoryId(entry.id) }))
  return known.toSorted((a, b) => compareIds(a.id, b.id) || compareText(a.entry.id, b.entry.id)).map(({ entry }) => entry)
}

function compareIds(a: ObjectId | undefined, b: ObjectId | undefined): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined)
  return compareForApply(a, b)
}

const compareText = (a: string, b: string): number => (a < b ? -1 : Number(a > b))
