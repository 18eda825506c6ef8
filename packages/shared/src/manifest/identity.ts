import type { KubeObject } from './object.ts'

/** Which object: the same in every version of its kind. */
export interface ObjectId {
  /** `''` is the core group. */
  readonly group: string
  readonly kind: string
  /** `''` where the kind is cluster-scoped or none is set. */
  readonly namespace: string
  readonly name: string
}

/** An object and the version that it is read and written in. */
export interface ObjectRef extends ObjectId {
  readonly version: string
}

export function identify(object: KubeObject): ObjectRef {
  const { name, namespace } = object.metadata
  return { ...parseApiVersion(object.apiVersion), kind: object.kind, namespace: namespace ?? '', name }
}

/** `apps/v1` and `v1`, taken apart; the core group is `''`. */
export function parseApiVersion(apiVersion: string): { readonly group: string; readonly version: string } {
  const slash = apiVersion.indexOf('/')
  return slash < 0 ? { group: '', version: apiVersion } : { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) }
}

/** For people: `Kind/namespace/name`, or `Kind/name` without a namespace. */
export function showObject(id: Pick<ObjectId, 'kind' | 'namespace' | 'name'>): string {
  return id.namespace === '' ? `${id.kind}/${id.name}` : `${id.kind}/${id.namespace}/${id.name}`
}

/**
 * The id of an inventory entry: `<namespace>_<name>_<group>_<Kind>`, empty parts left empty. RBAC names may hold a `:`,
 * which is written `__` there and nowhere else.
 */
export function inventoryId(id: ObjectId): string {
  const name = id.group === rbacGroup && rbacKinds.has(id.kind) ? id.name.replaceAll(':', '__') : id.name
  return `${id.namespace}_${name}_${id.group}_${id.kind}`
}

/**
 * The other way; `undefined` for text that is no id. `__` in a name becomes `:` for every kind, as Flux reads it (only
 * RBAC names can hold it: others have no underscore).
 */
export function parseInventoryId(text: string): ObjectId | undefined {
  const first = text.indexOf('_')
  const last = text.lastIndexOf('_')
  const middle = text.lastIndexOf('_', last - 1)
  if (first < 0 || last <= first || middle <= first) return undefined
  const name = text.slice(first + 1, middle).replaceAll('__', ':')
  const kind = text.slice(last + 1)
  if (name === '' || kind === '') return undefined
  return { namespace: text.slice(0, first), name, group: text.slice(middle + 1, last), kind }
}

/** A key for maps of kinds. */
export function groupKind(id: Pick<ObjectId, 'group' | 'kind'>): string {
  return id.group === '' ? id.kind : `${id.kind}.${id.group}`
}

const rbacGroup = 'rbac.authorization.k8s.io'
const rbacKinds: ReadonlySet<string> = new Set(['Role', 'ClusterRole', 'RoleBinding', 'ClusterRoleBinding'])
