import type { Fields } from '@weir/shared/manifest'
import { missingPaths, pathsOf } from './field-paths.ts'
import type { OtherWriter, Writer } from '../live/facts.ts'

/** Who wrote what we declare, as far as managedFields tell. */
export interface Blame {
  readonly by: Writer | undefined
  /** `.spec.replicas`, sorted, at most 20. */
  readonly paths: readonly string[]
}

/** What the object showed when it was found drifted. */
export interface Found {
  readonly ours: Fields | undefined
  readonly others: readonly OtherWriter[]
}

const mostPaths = 20

/**
 * The fields that our apply owns again and did not own before, or else what an overridden writer had; and the writer that
 * owned them, or else the last one that is overridden, or the last at all.
 */
export function blame(found: Found | undefined, restored: Fields | undefined): Blame {
  if (found === undefined) return { by: undefined, paths: [] }
  const taken = missingPaths(restored, found.ours)
  const overridden = found.others.filter(({ isOverridden }) => isOverridden)
  const added = taken.length > 0 ? taken : overridden.flatMap(({ fields }) => pathsOf(fields))
  const owns = (writer: OtherWriter): boolean => pathsOf(writer.fields).some((path) => added.includes(path))
  const writer = found.others.find(owns) ?? overridden[0] ?? found.others[0]
  return { by: writer && { manager: writer.manager, at: writer.at }, paths: [...new Set(added)].toSorted().slice(0, mostPaths) }
}
