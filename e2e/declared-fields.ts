import { isDeepStrictEqual } from 'node:util'
import type { KubeObject } from '@weir/shared/kube'

/** A place in an object: `.name` of a field, or the keys of a list entry as JSON. */
type Path = readonly string[]

type FieldSet = Readonly<Record<string, unknown>>

/** Labels that Weir adds to what it applies, and nobody else. */
const ownerLabels = /^kustomize\.toolkit\.fluxcd\.io\//

/**
 * Differences between two live objects, as sentences, in what either side's applier declares (its managedFields). Everything else is not
 * looked at: uid, times, status, defaults and allocated values that nobody declared.
 */
export function compareDeclared(ours: Applied, theirs: Applied): readonly string[] {
  const isOurs = ours.object.metadata.managedFields?.some(({ manager }) => manager === ours.manager)
  if (isOurs !== true) return [`not applied by ${ours.manager}`]
  const paths = new Map([...declaredPaths(ours), ...declaredPaths(theirs)].map((path) => [path.join(' '), path]))
  return [...paths].flatMap(([shown, path]) => {
    const [here, there] = [valueAt(ours.object, path), valueAt(theirs.object, path)]
    return isDeepStrictEqual(here, there) ? [] : [`${shown}: ${JSON.stringify(here)} here, ${JSON.stringify(there)} there`]
  })
}

export interface Applied {
  readonly object: KubeObject
  readonly manager: string
}

/** Leaves of what the manager's Apply entries own, but for owner labels and status; none for an object that declares nothing but its name. */
export function declaredPaths({ object, manager }: Applied): readonly Path[] {
  const entries = (object.metadata.managedFields ?? []).filter((entry) => entry.manager === manager && entry.operation === 'Apply')
  return entries.flatMap(({ fieldsV1 }) => leavesOf((fieldsV1 ?? {}) as FieldSet, [])).filter((path) => !isLeftOut(path))
}

function leavesOf(fields: FieldSet, at: Path): readonly Path[] {
  const inner = Object.entries(fields).filter(([name]) => name !== '.')
  if (inner.length === 0) return [at]
  return inner.flatMap(([name, below]) => leavesOf(below as FieldSet, [...at, name]))
}

function isLeftOut([first, second, third = '']: Path): boolean {
  if (first === 'f:status') return true
  return first === 'f:metadata' && second === 'f:labels' && ownerLabels.test(third.slice(2))
}

/** Follows `f:name`, `k:{"key":…}`, `v:value` and `i:index`; undefined where nothing is. */
function valueAt(object: unknown, path: Path): unknown {
  return path.reduce<unknown>((value, step) => {
    const text = step.slice(2)
    if (step.startsWith('f:')) return isFields(value) ? value[text] : undefined
    if (!Array.isArray(value)) return undefined
    if (step.startsWith('i:')) return value[Number(text)]
    const wanted: unknown = JSON.parse(text)
    if (step.startsWith('v:')) return value.find((each) => isDeepStrictEqual(each, wanted))
    return value.find((each) => isFields(each) && isFields(wanted) && Object.entries(wanted).every(([key, expected]) => isDeepStrictEqual(each[key], expected)))
  }, object)
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
