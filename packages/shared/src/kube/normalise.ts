import { apiVersionOf, type Kind } from '@weir/shared/api'
import { isFields } from '@weir/shared/manifest'
import { KubeError } from './kube-error.ts'
import type { KubeObject } from './objects.ts'

export interface Shape {
  readonly resource: Kind
  readonly metadataOnly?: boolean | undefined
  readonly managedFields?: boolean | undefined
}

/**
 * An object as its kind's own: list entries come without apiVersion and kind, metadata-only ones as PartialObjectMetadata, and a server
 * that knows no metadata-only answer sends everything. KubeError 'server' for what is no object.
 */
export function normalise(parsed: unknown, { resource, metadataOnly, managedFields }: Shape): KubeObject {
  if (!isObject(parsed)) throw new KubeError('server', `${resource.kind}: the answer is no object`)
  const identity = { apiVersion: apiVersionOf(resource), kind: resource.kind }
  const metadata = managedFields === false ? withoutManagedFields(parsed.metadata) : parsed.metadata
  if (metadataOnly === true) return { ...identity, metadata }
  return { ...parsed, ...identity, metadata }
}

function isObject(parsed: unknown): parsed is KubeObject {
  return isFields(parsed) && isFields(parsed['metadata']) && typeof parsed['metadata']['name'] === 'string'
}

/** managedFields are often more than half of an object. */
export function withoutManagedFields(metadata: KubeObject['metadata']): KubeObject['metadata'] {
  const { managedFields, ...rest } = metadata
  return managedFields === undefined ? metadata : rest
}
