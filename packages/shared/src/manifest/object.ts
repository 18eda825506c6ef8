import type { ObjectMeta } from '@weir/shared/api'

/** A Kubernetes object as plain data: what every kind has, and the rest as it came. */
export interface KubeObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: ObjectMeta
  readonly [field: string]: unknown
}

/** A JSON object. */
export type Fields = Readonly<Record<string, unknown>>

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export type DecodedObject =
  | { readonly ok: true; readonly object: KubeObject }
  | { readonly ok: false; readonly message: string }

/**
 * Checks that `value` is an object that an API server could hold: apiVersion, kind and metadata.name are there, names
 * and labels have the type they must have. The message names the field and never its value.
 */
export function decodeObject(value: unknown): DecodedObject {
  const problem = problemOf(value)
  return problem === undefined ? { ok: true, object: value as KubeObject } : { ok: false, message: problem }
}

/** One field below another, for readers of objects whose shape is only hoped for. `undefined` where a part is missing. */
export function fieldAt(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((at, name) => (isFields(at) ? at[name] : undefined), value)
}

function problemOf(value: unknown): string | undefined {
  if (!isFields(value)) return 'not an object'
  const { apiVersion, kind, metadata } = value
  if (typeof kind !== 'string' || kind === '') return 'kind is missing'
  if (!isApiVersion(apiVersion)) return `${kind}: apiVersion is not of the form group/version or version`
  if (!isFields(metadata)) return `${kind}: metadata is missing`
  const { name } = metadata
  if (typeof name !== 'string' || name === '') return `${kind}: metadata.name is missing`
  const problem = namespaceProblem(metadata) ?? mapProblem(metadata, 'labels') ?? mapProblem(metadata, 'annotations')
  return problem === undefined ? undefined : `${kind}/${name}: ${problem}`
}

const isApiVersion = (value: unknown): boolean => typeof value === 'string' && value !== '' && value.split('/').length <= 2

function namespaceProblem({ namespace }: Fields): string | undefined {
  const isFine = namespace === undefined || namespace === null || typeof namespace === 'string'
  return isFine ? undefined : 'metadata.namespace is not a string'
}

function mapProblem(metadata: Fields, field: 'labels' | 'annotations'): string | undefined {
  const map = metadata[field]
  if (map === undefined || map === null) return undefined
  if (!isFields(map)) return `metadata.${field} is not a map`
  const wrong = Object.keys(map).find((key) => typeof map[key] !== 'string' && map[key] !== null)
  return wrong === undefined ? undefined : `metadata.${field}[${JSON.stringify(wrong)}] is not a string`
}
