import type { Kustomization } from './closure/fields.ts'
import { recordsOf, textsOf } from './closure/fields.ts'
import { KustomizeError } from './kustomize-error.ts'
import type { BuildImage, BuildSpec } from './spec.ts'

export interface Top {
  readonly kustomization: Kustomization
  /** There was no file; ours was made from the directory. */
  readonly generated: boolean
  /** Whether a path relative to the top's directory exists. */
  readonly exists: (relative: string) => boolean
}

/** The top kustomization with the spec's fields merged in, by Flux's rules (contract 4.5, 3 and 4). */
export function overlaySpec({ kustomization, generated, exists }: Top, spec: BuildSpec): Kustomization {
  const merged: Record<string, unknown> = { ...defaults, ...kustomization }
  // A file that lists nothing would otherwise be an error instead of an empty build.
  if (!generated && textsOf(kustomization['resources']).length === 0) merged['buildMetadata'] = ['originAnnotations']
  const { targetNamespace: namespace, namePrefix, nameSuffix } = spec
  Object.assign(merged, definedFields({ namespace, namePrefix, nameSuffix }))
  const { patches = [], images = [], buildMetadata = [] } = spec
  if (patches.length > 0) merged['patches'] = [...listOf(kustomization['patches']), ...patches.map(definedFields)]
  const components = componentsOf(spec, exists)
  if (components.length > 0) merged['components'] = [...listOf(kustomization['components']), ...components]
  if (images.length > 0) merged['images'] = mergeImages(kustomization['images'], images)
  if (buildMetadata.length > 0) merged['buildMetadata'] = buildMetadata
  return merged
}

const defaults = { apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization' }

function isSet(text: string | undefined): text is string {
  return text !== undefined && text !== ''
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function definedFields(value: object): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== undefined && inner !== '')
      .map(([key, inner]) => [key, typeof inner === 'object' && inner !== null ? definedFields(inner) : inner] as const),
  )
}

const remotePrefixes = ['git::', 'gh:', 'ssh://', 'https://', 'http://', 'git@', 'github.com:', 'github.com/']

function componentsOf({ components = [], ignoreMissingComponents = false }: BuildSpec, exists: (relative: string) => boolean): readonly string[] {
  for (const component of components) {
    const address = component.replace(/^file:\/\//i, '')
    if (remotePrefixes.some((prefix) => component.toLowerCase().startsWith(prefix))) {
      throw new KustomizeError('remote', `component ${JSON.stringify(component)} is not local: spec.components takes relative paths`)
    }
    if (address.startsWith('/') || address !== component) {
      throw new KustomizeError('escapes', `component ${JSON.stringify(component)} is not relative: spec.components takes relative paths`)
    }
  }
  return ignoreMissingComponents ? components.filter(exists) : components
}

/** Of an image that the file names too, only the fields that are set replace; a tag and a digest exclude each other. */
function mergeImages(existing: unknown, images: readonly BuildImage[]): readonly unknown[] {
  const merged: unknown[] = [...listOf(existing)]
  for (const image of images) {
    const at = recordsOf(merged).findIndex((known) => known['name'] === image.name)
    const known = recordsOf(merged)[at]
    if (known === undefined) merged.push(definedFields(image))
    else merged[merged.indexOf(known)] = mergeImage(known, image)
  }
  return merged
}

function mergeImage(known: Readonly<Record<string, unknown>>, { newName, newTag, digest }: BuildImage): Readonly<Record<string, unknown>> {
  const merged: Record<string, unknown> = { ...known }
  if (isSet(newName)) merged['newName'] = newName
  if (isSet(newTag)) {
    merged['newTag'] = newTag
    delete merged['digest']
  }
  if (isSet(digest)) {
    merged['digest'] = digest
    if (!isSet(newTag)) delete merged['newTag']
  }
  return merged
}
