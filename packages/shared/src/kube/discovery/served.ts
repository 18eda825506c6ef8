import { fieldAt } from '@weir/shared/manifest'
import type { Resource } from '../objects.ts'

/** What one look found. */
export interface Served {
  readonly groups: ReadonlyMap<string, ServedGroup>
}

export interface ServedGroup {
  readonly group: string
  /** As the server prefers them. */
  readonly versions: readonly ServedVersion[]
}

export interface ServedVersion {
  readonly version: string
  /** False: stale or unreadable; what is missing may be there all the same. */
  readonly complete: boolean
  readonly resources: readonly Resource[]
}

/** An APIGroupDiscoveryList (apidiscovery.k8s.io v2, v2beta1); undefined for anything else, as from a server before 1.27. */
export function parseAggregated(body: unknown): readonly ServedGroup[] | undefined {
  const groups = fieldAt(body, 'items')
  if (fieldAt(body, 'kind') !== 'APIGroupDiscoveryList' || !Array.isArray(groups)) return undefined
  return groups.map((entry: unknown) => {
    const group = textAt(entry, 'metadata', 'name')
    return { group, versions: listAt(entry, 'versions').map((version) => parseVersion(group, version)) }
  })
}

function parseVersion(group: string, entry: unknown): ServedVersion {
  const version = textAt(entry, 'version')
  const complete = fieldAt(entry, 'freshness') !== 'Stale'
  const resources = listAt(entry, 'resources').flatMap((resource) => {
    const kind = textAt(resource, 'responseKind', 'kind')
    if (kind === '') return []
    return [
      {
        group,
        version,
        kind,
        plural: textAt(resource, 'resource'),
        namespaced: textAt(resource, 'scope') === 'Namespaced',
        verbs: listAt(resource, 'verbs').filter((verb) => typeof verb === 'string'),
        status: listAt(resource, 'subresources').some((sub) => textAt(sub, 'subresource') === 'status'),
      },
    ]
  })
  return { version, complete, resources }
}

/** One APIResourceList of the old discovery. */
export function parseResourceList(group: string, version: string, body: unknown): ServedVersion {
  const entries = listAt(body, 'resources')
  const names = new Set(entries.map((entry) => textAt(entry, 'name')))
  const resources = entries
    .filter((entry) => !textAt(entry, 'name').includes('/'))
    .map((entry) => ({
      group,
      version,
      kind: textAt(entry, 'kind'),
      plural: textAt(entry, 'name'),
      namespaced: fieldAt(entry, 'namespaced') === true,
      verbs: listAt(entry, 'verbs').filter((verb) => typeof verb === 'string'),
      status: names.has(`${textAt(entry, 'name')}/status`),
    }))
  return { version, complete: fieldAt(body, 'kind') === 'APIResourceList', resources }
}

export interface Names {
  readonly group: string
  readonly kind: string
  readonly version?: string | undefined
}

/** In the version that is asked for, else in the first one, as the server prefers, that has the kind. */
export function findResource({ groups }: Served, { group, kind, version }: Names): Resource | undefined {
  const versions = groups.get(group)?.versions ?? []
  for (const one of versions) {
    if (version !== undefined && one.version !== version) continue
    const found = one.resources.find((resource) => resource.kind === kind)
    if (found) return found
  }
  return undefined
}

export function isComplete({ groups }: Served, group: string): boolean {
  return groups.get(group)?.versions.every(({ complete }) => complete) ?? true
}

/** Groups whose versions or kinds are not the same in both. */
export function changedGroups(before: Served, after: Served): ReadonlySet<string> {
  const names = new Set([...before.groups.keys(), ...after.groups.keys()])
  return new Set([...names].filter((name) => signature(before.groups.get(name)) !== signature(after.groups.get(name))))
}

function signature(group: ServedGroup | undefined): string {
  return JSON.stringify(group?.versions ?? [])
}

export function listAt(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const list = fieldAt(value, ...path)
  return Array.isArray(list) ? list : []
}

export function textAt(value: unknown, ...path: readonly string[]): string {
  const text = fieldAt(value, ...path)
  return typeof text === 'string' ? text : ''
}
