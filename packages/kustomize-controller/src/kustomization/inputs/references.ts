import type { Kustomization } from '@weir/shared/api'
import type { KubeObject, Reference } from '@weir/shared/kube'
import { fieldAt, isFields } from '@weir/shared/manifest'

/** The ConfigMaps and Secrets that hold variables of a Kustomization: in its own namespace. */
export function referencesOf({ metadata, spec }: Kustomization): readonly Reference[] {
  return (spec.postBuild?.substituteFrom ?? []).map(({ kind, name }) => ({ kind, name, namespace: metadata.namespace ?? '' }))
}

/** The values of a ConfigMap or Secret as text, by key. */
export function textsOf(object: KubeObject): ReadonlyMap<string, string> {
  const values = entriesOf(fieldAt(object, 'data'))
  return new Map(object.kind === 'ConfigMap' ? values : values.map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]))
}

function entriesOf(value: unknown): readonly (readonly [string, string])[] {
  if (!isFields(value)) return []
  return Object.entries(value).flatMap(([key, text]) => (typeof text === 'string' ? [[key, text] as const] : []))
}
