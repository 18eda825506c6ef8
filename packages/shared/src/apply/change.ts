import type { ObjectRef, Owner } from '@weir/shared/manifest'
import { showObject } from '@weir/shared/manifest'

/** What became of one object. */
export type Action = 'created' | 'configured' | 'unchanged' | 'skipped' | 'deleted'

export interface Change {
  readonly ref: ObjectRef
  readonly action: Action
  /** Another Kustomization that holds this object too; we took it over with this change. Worth a Warning `SharedObject`. */
  readonly sharedWith?: Owner
}

/** `Kind/namespace/name action`, as it stands in events and errors. */
export function showChange({ ref, action }: Change): string {
  return `${showObject(ref)} ${action}`
}

/** The lines of a change list: only what changed in the cluster. */
export function changedLines(changes: readonly Change[]): readonly string[] {
  return changes.filter(({ action }) => action === 'created' || action === 'configured' || action === 'deleted').map(showChange)
}
