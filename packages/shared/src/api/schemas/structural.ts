/** Part of a JSON schema. */
export type Schema = { readonly [key: string]: unknown }

const dropped = new Set(['$schema', 'id', '$id', 'propertyNames'])

/**
 * Turns a JSON schema (draft of OpenAPI 3.0, as zod prints it) into what the API server calls structural: no
 * boolean `additionalProperties`, no bounds that only say "safe integer", no pattern beside a `date-time`, patterns
 * in RE2's spelling, keys in a stable order.
 */
export function toStructural(schema: Schema): Schema {
  const entries = Object.entries(schema)
    .filter(([key, value]) => keeps(schema, key, value))
    .map(([key, value]): [string, unknown] => [key, structuralValue(key, value)])
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

function keeps(schema: Schema, key: string, value: unknown): boolean {
  if (dropped.has(key)) return false
  if (key === 'additionalProperties') return typeof value === 'object'
  if (key === 'minimum' || key === 'maximum') return Math.abs(Number(value)) < Number.MAX_SAFE_INTEGER
  return !(key === 'pattern' && schema['format'] === 'date-time')
}

function structuralValue(key: string, value: unknown): unknown {
  if (key === 'properties') return mapValues(value as Record<string, Schema>, toStructural)
  if (key === 'items' || key === 'additionalProperties') return toStructural(value as Schema)
  // JavaScript prints a slash inside a pattern as `\/`, which is not an escape that RE2 knows by that name.
  if (key === 'pattern') return String(value).replaceAll('\\/', '/')
  return value
}

function mapValues<T, R>(record: Readonly<Record<string, T>>, change: (value: T) => R): Record<string, R> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]))
}
