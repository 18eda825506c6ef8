import { labels as words } from '@weir/shared/api'
import type { KubeObject } from './object.ts'

/** The Kustomization that an object belongs to. */
export interface Owner {
  readonly namespace: string
  readonly name: string
}

/** `namespace/name`, a key for maps of owners. */
export function showOwner(owner: Owner): string {
  return `${owner.namespace}/${owner.name}`
}

type Labelled = { readonly metadata: Pick<KubeObject['metadata'], 'labels'> }

/** Who the labels of an object say it belongs to; `undefined` unless both are there. */
export function ownerOf(object: Labelled): Owner | undefined {
  const name = object.metadata.labels?.[words.ownerName]
  const namespace = object.metadata.labels?.[words.ownerNamespace]
  return name === undefined || namespace === undefined ? undefined : { namespace, name }
}

export interface ExtraMetadata {
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
}

/** The object with labels and annotations laid over its own; what is laid over wins. */
export function withMetadata(object: KubeObject, extra: ExtraMetadata): KubeObject {
  const labels = merge(object.metadata.labels, extra.labels)
  const annotations = merge(object.metadata.annotations, extra.annotations)
  return { ...object, metadata: { ...object.metadata, ...(labels && { labels }), ...(annotations && { annotations }) } }
}

/** The object with the labels that name its owner. */
export function withOwner(object: KubeObject, owner: Owner): KubeObject {
  return withMetadata(object, { labels: { [words.ownerName]: owner.name, [words.ownerNamespace]: owner.namespace } })
}

type Entries = Readonly<Record<string, string>>

function merge(own: Entries | undefined, over: Entries | undefined): Entries | undefined {
  if (over === undefined || Object.keys(over).length === 0) return own
  return { ...own, ...over }
}
