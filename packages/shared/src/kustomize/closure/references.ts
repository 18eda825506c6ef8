import { fold, isRecord, recordsOf, textsOf } from './fields.ts'
import type { Kustomization } from './fields.ts'
import type { Loading } from './locate.ts'

/** Something that a kustomization makes kustomize load. */
export interface Reference {
  /** As users know it: `configMapGenerator.files`. */
  readonly field: string
  /** As written, or what stands behind `key=`. */
  readonly value: string
  readonly loading: Loading
  /** May be content instead of a path. What reads like content is never looked for; anything else has to be there. */
  readonly maybeInline: boolean
  /** What is loaded names further files: it configures a plugin. */
  readonly plugin: boolean
  /** What is loaded is content for an object, whatever it looks like; anything else is read as YAML. */
  readonly content: boolean
}

/** Everything that the fields of one kustomization file load. Pure: nothing is looked up. */
export function referencesOf(kustomization: Kustomization): readonly Reference[] {
  return [
    ...lists(kustomization, ['resources', 'bases'], 'either'),
    ...lists(kustomization, ['components'], 'root'),
    ...lists(kustomization, ['crds', 'configurations'], 'file'),
    ...generatorSources('configMapGenerator', kustomization['configMapGenerator']),
    ...generatorSources('secretGenerator', kustomization['secretGenerator']),
    ...['patches', 'patchesJson6902', 'replacements'].flatMap((field) => paths(field, kustomization[field])),
    ...textsOf(kustomization['patchesStrategicMerge']).map((value) => inlineOr(file('patchesStrategicMerge', value))),
    ...['generators', 'transformers', 'validators'].flatMap((field) =>
      textsOf(kustomization[field]).map((value) => ({ ...inlineOr(file(field, value)), loading: 'either' as const, plugin: true })),
    ),
    ...openapiOf(kustomization['openapi']),
  ]
}

/** Everything that one plugin configuration loads. Paths are relative to the kustomization that lists it. */
export function referencesOfPlugin(config: unknown): readonly Reference[] {
  if (!isRecord(config)) return []
  const { apiversion, kind, items } = folded(config)
  if (typeof kind === 'string' && kind.endsWith('List') && Array.isArray(items)) return items.flatMap(referencesOfPlugin)
  if (apiversion !== 'builtin' || typeof kind !== 'string') return []
  return Object.hasOwn(pluginFiles, kind) ? (pluginFiles[kind]?.(folded(config), kind) ?? []) : []
}

type PluginFields = Readonly<Record<string, unknown>>

const pluginFiles: Readonly<Record<string, ((fields: PluginFields, kind: string) => readonly Reference[]) | undefined>> = {
  ConfigMapGenerator: (fields, kind) => generatorSources(kind, [fields]),
  SecretGenerator: (fields, kind) => generatorSources(kind, [fields]),
  PatchTransformer: (fields, kind) => paths(kind, [fields]),
  PatchJson6902Transformer: (fields, kind) => paths(kind, [fields]),
  PatchStrategicMergeTransformer: (fields, kind) => textsOf(fields['paths']).map((value) => inlineOr(file(`${kind}.paths`, value))),
  ReplacementTransformer: (fields, kind) => paths(`${kind}.replacements`, recordsOf(fields['replacements']).map(folded)),
  ValueAddTransformer: (fields, kind) => single(`${kind}.targetFilePath`, fields['targetfilepath']),
}

function lists(kustomization: Kustomization, names: readonly string[], loading: Loading): readonly Reference[] {
  return names.flatMap((field) => textsOf(kustomization[field]).map((value) => ({ ...file(field, value), loading })))
}

function file(field: string, value: string): Reference {
  return { field, value, loading: 'file', maybeInline: false, plugin: false, content: false }
}

function inlineOr(reference: Reference): Reference {
  return { ...reference, maybeInline: true }
}

function single(field: string, value: unknown): readonly Reference[] {
  return typeof value === 'string' && value !== '' ? [file(field, value)] : []
}

function paths(field: string, entries: unknown): readonly Reference[] {
  return recordsOf(entries).flatMap((entry) => single(`${field}.path`, entry['path']))
}

function openapiOf(openapi: unknown): readonly Reference[] {
  if (!isRecord(openapi)) return []
  // A map of texts in Go, so its keys do regard case.
  return single('openapi.path', openapi['path'])
}

function generatorSources(field: string, entries: unknown): readonly Reference[] {
  const sources = recordsOf(entries).flatMap((entry) => [
    ...textsOf(entry['files']).flatMap((value) => single(`${field}.files`, filePart(value))),
    ...textsOf(entry['envs']).map((value) => file(`${field}.envs`, value)),
    ...single(`${field}.env`, entry['env']),
  ])
  return sources.map((source) => ({ ...source, content: true }))
}

/** `path` or `key=path`; anything else the engine refuses. */
function filePart(value: string): string | undefined {
  const parts = value.split('=')
  if (parts.length === 1) return value
  return parts.length === 2 && parts[0] !== '' ? parts[1] : undefined
}

/** Keys of plugin configurations are found without regard to case, too. */
function folded(record: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.keys(record).toSorted().map((key) => [fold(key), record[key]] as const))
}
