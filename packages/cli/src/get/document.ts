import type { KubeObject } from '@weir/shared/kube'
import { dumpYaml } from '@weir/shared/manifest'

export interface DocumentOptions {
  readonly output: 'json' | 'yaml'
  /** One object was asked for by name: itself, not a list of one. */
  readonly single: boolean
}

/** Objects as the API server has them, but for who wrote which field. */
export function showDocument(objects: readonly KubeObject[], { output, single }: DocumentOptions): string {
  const items = objects.map(withoutManagedFields)
  const document = single ? items[0] : { apiVersion: 'v1', kind: 'List', metadata: {}, items }
  return output === 'json' ? JSON.stringify(document, undefined, 2) : dumpYaml(document).trimEnd()
}

export function withoutManagedFields(object: KubeObject): KubeObject {
  const { managedFields: _, ...metadata } = object.metadata
  return { ...object, metadata }
}
