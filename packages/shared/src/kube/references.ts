import type { Kube } from './kube.ts'
import type { KubeError } from './kube-error.ts'
import type { KubeObject, Resource } from './objects.ts'
import type { WatchHandle } from './watch/watch.ts'

/** A ConfigMap or Secret that an object of ours refers to. */
export interface Reference {
  readonly kind: 'ConfigMap' | 'Secret'
  readonly namespace: string
  readonly name: string
}

/** Who refers to which ConfigMap or Secret; a change wakes them. Watched by metadata alone: no value is ever kept. */
export interface References {
  /** Replaces what `owner` (`namespace/name`) refers to. */
  set(owner: string, references: readonly Reference[]): void
  remove(owner: string): void
  /** Reads it now; undefined: it does not exist. What the watch shows later is compared with this read. Throws KubeError. */
  read(reference: Reference, signal?: AbortSignal): Promise<KubeObject | undefined>
  close(): void
}

export interface ReferencesOptions {
  readonly kube: Pick<Kube, 'watch' | 'get'>
  readonly signal: AbortSignal
  /** Told who refers to what changed, came or went. */
  onChange(owner: string): void
  /** Something cannot be watched: its change is seen at the next run. */
  onTrouble?(reference: Omit<Reference, 'name'>, error: KubeError): void
}

/** Each watch is a socket: from so many names in a namespace on, one watch serves them all. */
const manyNames = 9

const resources: Readonly<Record<Reference['kind'], Resource>> = {
  ConfigMap: { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true, verbs: [], status: false },
  Secret: { group: '', version: 'v1', kind: 'Secret', plural: 'secrets', namespaced: true, verbs: [], status: false },
}

/** All names of one kind that are referred to in one namespace. */
interface Group {
  readonly kind: Reference['kind']
  readonly namespace: string
  /** Name to its owners. */
  readonly names: Map<string, Set<string>>
  /** By name, or under `''` for the whole namespace. */
  readonly watches: Map<string, WatchHandle>
  /** resourceVersion by name as last read or watched, or `absent`; no entry: never looked at. */
  readonly seen: Map<string, string>
}

const absent = 'absent'

/** Follows what objects refer to, with as few watches as names allow. */
export function watchReferences(options: ReferencesOptions): References {
  const groups = new Map<string, Group>()
  const known = new Map<string, readonly Reference[]>()

  const groupOf = ({ kind, namespace }: Reference): Group => {
    const text = textOfGroup({ kind, namespace })
    const group = groups.get(text) ?? { kind, namespace, names: new Map(), watches: new Map(), seen: new Map() }
    groups.set(text, group)
    return group
  }
  const leave = (owner: string): void => {
    const touched = new Set((known.get(owner) ?? []).map(groupOf))
    for (const group of touched) {
      for (const [name, owners] of group.names) if (owners.delete(owner) && owners.size === 0) group.names.delete(name)
      adjust(options, group)
      if (group.names.size === 0) groups.delete(textOfGroup(group))
    }
    known.delete(owner)
  }
  return {
    set(owner, references) {
      if (isSame(known.get(owner) ?? [], references)) return
      leave(owner)
      if (references.length > 0) known.set(owner, references)
      for (const reference of references) {
        const { names } = groupOf(reference)
        names.set(reference.name, (names.get(reference.name) ?? new Set()).add(owner))
      }
      for (const group of new Set(references.map(groupOf))) adjust(options, group)
    },
    remove: leave,
    async read(reference, signal = options.signal) {
      const { kind, namespace, name } = reference
      const before = groups.get(textOfGroup(reference))?.seen.get(name)
      const object = await options.kube.get({ resource: resources[kind], namespace, name }, { signal })
      const group = groups.get(textOfGroup(reference))
      if (group) noteRead(options, { group, name, before, found: object?.metadata.resourceVersion ?? absent })
      return object
    },
    close() {
      for (const { watches } of groups.values()) for (const watch of watches.values()) watch.close()
    },
  }
}

const textOfGroup = ({ kind, namespace }: Pick<Reference, 'kind' | 'namespace'>): string => `${kind}/${namespace}`

interface Noted {
  readonly group: Group
  readonly name: string
  /** What was known when the read began. */
  readonly before: string | undefined
  readonly found: string
}

function noteRead({ onChange }: ReferencesOptions, { group, name, before, found }: Noted): void {
  const owners = group.names.get(name)
  if (owners === undefined) return
  const seen = group.seen.get(name)
  group.seen.set(name, found)
  // The watch moved on while this was read, and will not say so again: whoever reads now looks once more.
  if (seen !== undefined && seen !== before && seen !== found) for (const owner of owners) onChange(owner)
}

function isSame(a: readonly Reference[], b: readonly Reference[]): boolean {
  const text = (references: readonly Reference[]): string => references.map(({ kind, namespace, name }) => `${kind}/${namespace}/${name}`).join('\n')
  return text(a) === text(b)
}

/** Opens and closes watches so that they fit the names. */
function adjust(options: ReferencesOptions, group: Group): void {
  const wanted = group.names.size >= manyNames ? [''] : [...group.names.keys()]
  for (const [name, watch] of group.watches) {
    if (wanted.includes(name)) continue
    watch.close()
    group.watches.delete(name)
  }
  for (const name of wanted) if (!group.watches.has(name)) group.watches.set(name, open(options, group, name))
  for (const name of group.seen.keys()) if (!group.names.has(name)) group.seen.delete(name)
}

function open({ kube, signal, onChange, onTrouble }: ReferencesOptions, group: Group, name: string): WatchHandle {
  const { kind, namespace, seen, names } = group
  const move = (of: string, resourceVersion: string): void => {
    const before = seen.get(of)
    const owners = names.get(of)
    if (owners === undefined || before === resourceVersion) return
    seen.set(of, resourceVersion)
    // Nobody has read it yet: whoever does reads what is there.
    if (before !== undefined) for (const owner of owners) onChange(owner)
  }
  const handle = kube.watch<{ readonly name: string; readonly resourceVersion: string }>(
    {
      resource: resources[kind],
      namespace,
      ...(name === '' ? {} : { name }),
      metadataOnly: true,
      project: ({ metadata }) => ({ name: metadata.name, resourceVersion: metadata.resourceVersion ?? '' }),
      signal,
    },
    {
      replace(objects) {
        const there = new Set(objects.map((object) => object.name))
        for (const object of objects) move(object.name, object.resourceVersion)
        for (const of of seen.keys()) if ((name === '' || of === name) && !there.has(of)) move(of, absent)
      },
      upsert: (object) => move(object.name, object.resourceVersion),
      remove: (object) => move(object.name, absent),
      failed: (error) => onTrouble?.({ kind, namespace }, error),
    },
  )
  handle.synced.catch(() => undefined) // it ends with the process
  return handle
}
