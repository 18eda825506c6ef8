import { showObject } from '@weir/shared/manifest'
import type { ObjectRef } from '@weir/shared/manifest'
import type { Health } from './verdict.ts'

/** One of the objects that were waited for. */
export interface ObjectHealth extends Health {
  readonly ref: ObjectRef
  /** Why it could not be read. */
  readonly error?: string
}

/** `timeout waiting for: [Kind/ns/name status: 'InProgress', …]`, sorted (contract 4.10). */
export const timeoutText = (objects: readonly ObjectHealth[]): string => `timeout waiting for: [${list(objects)}]`

/** `failed early due to stalled resources: […]`, the failed ones alone. */
export const stalledText = (objects: readonly ObjectHealth[]): string => `failed early due to stalled resources: [${list(objects)}]`

function list(objects: readonly ObjectHealth[]): string {
  return objects
    .map(({ ref, status, error }) => `${showObject(ref)} status: '${status}'${error === undefined ? '' : `: ${error}`}`)
    .toSorted()
    .join(', ')
}
