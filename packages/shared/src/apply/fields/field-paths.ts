import { isFields } from '@weir/shared/manifest'
import type { Fields } from '@weir/shared/manifest'

/** No message names more paths than this. */
const mostPaths = 20

/** The fields in `wanted` that are not in `found`, for people: `.spec.template.spec.containers[name="app"].image`. Sorted, at most 20. */
export function missingPaths(wanted: Fields | undefined, found: Fields | undefined): readonly string[] {
  const present = new Set(pathsOf(found))
  return pathsOf(wanted).filter((path) => !present.has(path)).toSorted().slice(0, mostPaths)
}

/** All fields of one managedFields entry. */
export function pathsOf(fields: Fields | undefined): readonly string[] {
  return fields === undefined ? [] : walk(fields, '')
}

function walk(fields: Fields, at: string): readonly string[] {
  const below = Object.entries(fields).filter(([key]) => key !== '.')
  if (below.length === 0) return at === '' ? [] : [at]
  return below.flatMap(([key, value]) => walk(isFields(value) ? value : {}, at + step(key)))
}

/** `f:name` a field, `k:{…}` a member of a list by its keys, `v:…` a member of a set, `i:0` a position. */
function step(key: string): string {
  const rest = key.slice(2)
  if (key.startsWith('f:')) return /^[A-Za-z0-9_-]+$/.test(rest) ? `.${rest}` : `[${JSON.stringify(rest)}]`
  if (key.startsWith('k:')) return `[${keysOf(rest)}]`
  // The members of a set are values, and a value may be a secret.
  return key.startsWith('v:') ? '[=…]' : `[${rest}]`
}

function keysOf(json: string): string {
  const keys: unknown = JSON.parse(json)
  return isFields(keys) ? Object.entries(keys).map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(',') : json
}
