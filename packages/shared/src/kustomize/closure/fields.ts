/** A kustomization file as parsed, with its field names as kustomize spells them. */
export type Kustomization = Readonly<Record<string, unknown>>

/** What a field may hold: a leaf is taken as it is, a shape's fields are known by name. */
type Shape = 'leaf' | { readonly fields: Fields } | { readonly list: Shape }
type Fields = { readonly [name: string]: Shape }

const leaf = 'leaf'
const leaves = (...names: readonly string[]): Fields => Object.fromEntries(names.map((name) => [name, leaf] as const))
const listOf = (fields: Fields): Shape => ({ list: { fields } })

const objectId = leaves('group', 'version', 'kind', 'name', 'namespace')
const selector: Fields = { ...objectId, ...leaves('annotationSelector', 'labelSelector') }
const generatorOptions: Fields = leaves('labels', 'annotations', 'disableNameSuffixHash', 'immutable')
const generator: Fields = {
  ...leaves('namespace', 'name', 'behavior', 'literals', 'files', 'envs', 'env', 'type'),
  options: { fields: generatorOptions },
}
const patch: Fields = {
  ...leaves('path', 'patch'),
  target: { fields: selector },
  options: { fields: leaves('allowNameChange', 'allowKindChange') },
}
const fieldOptions: Shape = { fields: leaves('delimiter', 'index', 'encoding', 'create') }
const replacement: Fields = {
  ...leaves('path', 'sourceValue'),
  source: { fields: { ...objectId, fieldPath: leaf, options: fieldOptions } },
  targets: listOf({ select: { fields: selector }, reject: listOf(selector), fieldPaths: leaf, options: fieldOptions }),
}
const image: Shape = listOf(leaves('name', 'newName', 'tagSuffix', 'newTag', 'digest'))

/** All fields of `types.Kustomization` in the pinned kustomize. */
const kustomization: Fields = {
  ...leaves(
    'apiVersion', 'kind', 'openapi', 'namePrefix', 'nameSuffix', 'namespace', 'commonLabels', 'commonAnnotations',
    'patchesStrategicMerge', 'resources', 'components', 'crds', 'bases', 'configurations', 'generators', 'transformers',
    'validators', 'buildMetadata', 'helmGlobals', 'helmCharts', 'helmChartInflationGenerator',
  ),
  metadata: { fields: leaves('name', 'namespace', 'labels', 'annotations') },
  labels: listOf({ ...leaves('pairs', 'includeSelectors', 'includeTemplates'), fields: listOf({ ...leaves('group', 'version', 'kind', 'path', 'create') }) }),
  patchesJson6902: listOf(patch),
  patches: listOf(patch),
  images: image,
  imageTags: image,
  replacements: listOf(replacement),
  replicas: listOf(leaves('name', 'count')),
  vars: listOf({
    name: leaf,
    objref: { fields: { ...objectId, apiVersion: leaf } },
    fieldref: { fields: leaves('fieldPath') },
  }),
  sortOptions: { fields: { order: leaf, legacySortOptions: { fields: leaves('orderFirst', 'orderLast') } } },
  configMapGenerator: listOf(generator),
  secretGenerator: listOf(generator),
  generatorOptions: { fields: generatorOptions },
}

export interface SpelledKustomization {
  readonly kustomization: Kustomization
  /** Fields that kustomize does not have, as written; left out. */
  readonly unknown: readonly string[]
}

/**
 * Spells every field as kustomize does. Go finds fields without regard to case; of two spellings the one later in byte
 * order wins, because Go sorts the keys on the way.
 */
export function spellFields(parsed: Readonly<Record<string, unknown>>): SpelledKustomization {
  const unknown: string[] = []
  return { kustomization: spell(parsed, kustomization, unknown), unknown }
}

function spell(parsed: Readonly<Record<string, unknown>>, fields: Fields, unknown: string[]): Kustomization {
  const known = namesByFold(fields)
  const spelled: Record<string, unknown> = {}
  for (const key of Object.keys(parsed).toSorted()) {
    const name = known.get(fold(key))
    const shape = name === undefined ? undefined : fields[name]
    if (name === undefined || shape === undefined) unknown.push(key)
    else spelled[name] = spellValue(parsed[key], shape, unknown)
  }
  return spelled
}

/** A value of the wrong type is left for the engine to refuse. */
function spellValue(value: unknown, shape: Shape, unknown: string[]): unknown {
  if (shape === 'leaf') return value
  if ('fields' in shape) return isRecord(value) ? spell(value, shape.fields, unknown) : value
  return Array.isArray(value) ? value.map((entry) => spellValue(entry, shape.list, unknown)) : value
}

const foldedNames = new WeakMap<Fields, ReadonlyMap<string, string>>()

function namesByFold(fields: Fields): ReadonlyMap<string, string> {
  const kept = foldedNames.get(fields)
  if (kept !== undefined) return kept
  const names = new Map(Object.keys(fields).map((name) => [fold(name), name] as const))
  foldedNames.set(fields, names)
  return names
}

/** Go's folding for ASCII names: the long s and the Kelvin sign are the only other letters that fold into it. */
export function fold(key: string): string {
  return key.replaceAll('ſ', 's').replaceAll('\u212a', 'k').toLowerCase()
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The texts of a list; anything else in it is left for the engine to refuse. */
export function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((entry) => typeof entry === 'string') : []
}

/** The records of a list. */
export function recordsOf(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.filter(isRecord) : []
}
