import { hash } from 'node:crypto'
import { isFields } from './object.ts'
import { jsonOf } from './yaml.ts'

/** JSON without white space and with sorted keys: equal values, equal text. `undefined` fields are left out. */
export function canonicalJson(value: unknown): string {
  return jsonOf(sortedDeep(value))
}

/** JSON as a value, with integers beyond 2^53 as bigints: {@link canonicalJson} and `jsonOf` print them as they were. */
export function parseJson(text: string): unknown {
  if (!/\d{16}/.test(text)) return JSON.parse(text)
  return JSON.parse(text, (_key: string, value: unknown, { source }: { readonly source?: string } = {}) => {
    const loses = typeof value === 'number' && !Number.isSafeInteger(value) && source !== undefined && /^-?\d+$/.test(source)
    return loses ? BigInt(source) : value
  })
}

/** `sha256:<hex>` of text or bytes. */
export function digestText(content: string | Uint8Array): string {
  return `sha256:${hash('sha256', content, 'hex')}`
}

/**
 * 48 bits of a digest as a number, for tables with an entry for each object of a fleet: enough to tell one object from its
 * own former self, not to tell many apart.
 */
export function shortDigest(content: string | Uint8Array): number {
  return hash('sha256', content, 'buffer').readUIntBE(0, 6)
}

function sortedDeep(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedDeep)
  if (!isFields(value)) return value
  const result: Record<string, unknown> = {}
  for (const key of Object.keys(value).toSorted()) {
    const inner = sortedDeep(value[key])
    // A key named __proto__ is data here, and a plain assignment would lose it.
    if (key === '__proto__') Object.defineProperty(result, key, { value: inner, enumerable: true })
    else result[key] = inner
  }
  return result
}
