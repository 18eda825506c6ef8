import type { Kustomization } from '@weir/shared/api'
import type { Kube, KubeObject, Resource, WatchHandle } from '@weir/shared/kube'
import { fieldAt, isFields } from '@weir/shared/manifest'
import { textOf, type Key } from '@weir/shared/runtime'
import type { ReferenceKind } from './variables.ts'

/** A ConfigMap or Secret that some Kustomization refers to. */
export interface Reference {
  readonly kind: ReferenceKind
  readonly namespace: string
  readonly name: string
}

/** Who refers to which ConfigMap or Secret; a change wakes them. Watched by metadata alone: no value is ever kept. */
export interface References {
  /** Replaces what `key` refers to. */
  set(key: Key, references: readonly Reference[]): void
  remove(key: Key): void
  /** The values as text, read now; undefined: it does not exist. What the watch shows later is compared with this read. Throws KubeError. */
  read(reference: Reference): Promise<ReadonlyMap<string, string> | undefined>
  close(): void
}

export interface ReferencesOptions {
  readonly kube: Pick<Kube, 'watch' | 'get'>
  readonly signal: AbortSignal
  /** Told who refers to what changed, came or went. */
  onChange(key: Key): void
  /** References cannot be watched: they are read at each run. */
  onTrouble(what: string, error: Error): void
}

/** Each watch is a socket: from so many names in a namespace on, one watch for all of them. */
const manyNames = 9

const resources: Readonly<Record<ReferenceKind, Resource>> = {
  ConfigMap: { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true, verbs: [], status: false },
  Secret: { group: '', version: 'v1', kind: 'Secret', plural: 'secrets', namespaced: true, verbs: [], status: false },
}

/** All names of one kind that are referred to in one namespace. */
interface Group {
  readonly kind: ReferenceKind
  readonly namespace: string
  /** Name to who refers to it. */
  readonly names: Map<string, Map<string, Key>>
  /** By name, or under `''` for the whole namespace. */
  readonly watches: Map<string, WatchHandle>
  /** resourceVersion by name as last read or watched, or `absent`; no entry: never looked at. */
  readonly seen: Map<string, string>
}

const absent = 'absent'

export function referencesOf({ metadata, spec }: Kustomization): readonly Reference[] {
  return (spec.postBuild?.substituteFrom ?? []).map(({ kind, name }) => ({ kind, name, namespace: metadata.namespace ?? '' }))
}

export function watchReferences(options: ReferencesOptions): References {
  const groups = new Map<string, Group>()
  const known = new Map<string, readonly Reference[]>()

  const groupOf = ({ kind, namespace }: Reference): Group => {
    const text = textOfGroup({ kind, namespace })
    const group = groups.get(text) ?? { kind, namespace, names: new Map(), watches: new Map(), seen: new Map() }
    groups.set(text, group)
    return group
  }
  const leave = (key: Key): void => {
    for (const reference of known.get(textOf(key)) ?? []) {
      const group = groupOf(reference)
      const users = group.names.get(reference.name)
      users?.delete(textOf(key))
      if (users?.size === 0) {
        group.names.delete(reference.name)
        group.seen.delete(reference.name)
      }
      adjust(options, group)
      if (group.names.size === 0) groups.delete(textOfGroup(reference))
    }
    known.delete(textOf(key))
  }
  return {
    set(key, references) {
      const before = known.get(textOf(key)) ?? []
      if (sameReferences(before, references)) return
      leave(key)
      if (references.length > 0) known.set(textOf(key), references)
      for (const reference of references) {
        const group = groupOf(reference)
        const users = group.names.get(reference.name) ?? new Map<string, Key>()
        group.names.set(reference.name, users.set(textOf(key), key))
        adjust(options, group)
      }
    },
    remove: leave,
    async read(reference) {
      const { kind, namespace, name } = reference
      const before = groups.get(textOfGroup(reference))?.seen.get(name)
      const object = await options.kube.get({ resource: resources[kind], namespace, name }, { signal: options.signal })
      const group = groups.get(textOfGroup(reference))
      if (group) noteRead(options, { group, name, before, found: object?.metadata.resourceVersion ?? absent })
      return object && textsOf(kind, object)
    },
    close() {
      for (const { watches } of groups.values()) for (const watch of watches.values()) watch.close()
    },
  }
}

const textOfGroup = ({ kind, namespace }: Pick<Reference, 'kind' | 'namespace'>): string => `${kind}/${namespace}`

function sameReferences(a: readonly Reference[], b: readonly Reference[]): boolean {
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
}

function open({ kube, signal, onChange, onTrouble }: ReferencesOptions, group: Group, name: string): WatchHandle {
  const { kind, namespace, seen } = group
  const move = (of: string, resourceVersion: string): void => {
    const before = seen.get(of)
    const users = group.names.get(of)
    if (users === undefined || before === resourceVersion) return
    seen.set(of, resourceVersion)
    // Nobody has read it yet: whoever does reads what is there.
    if (before !== undefined) for (const key of users.values()) onChange(key)
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
        for (const gone of [...seen.keys()].filter((each) => (name === '' || each === name) && !there.has(each))) move(gone, absent)
      },
      upsert: (object) => move(object.name, object.resourceVersion),
      remove: (object) => move(object.name, absent),
      failed: (error) => onTrouble(`${kind} ${namespace}${name === '' ? '' : `/${name}`}`, error),
    },
  )
  handle.synced.catch(() => undefined) // it ends with the process
  return handle
}

interface Noted {
  readonly group: Group
  readonly name: string
  /** What was known when the read began. */
  readonly before: string | undefined
  readonly found: string
}

function noteRead({ onChange }: ReferencesOptions, { group, name, before, found }: Noted): void {
  const users = group.names.get(name)
  if (users === undefined) return
  const seen = group.seen.get(name)
  group.seen.set(name, found)
  // The watch moved on while this was read, and will not say so again: whoever reads now looks once more.
  if (seen !== undefined && seen !== before && seen !== found) for (const key of users.values()) onChange(key)
}

function textsOf(kind: ReferenceKind, object: KubeObject): ReadonlyMap<string, string> {
  const values = entriesOf(fieldAt(object, 'data'))
  return new Map(kind === 'ConfigMap' ? values : values.map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]))
}

function entriesOf(value: unknown): readonly (readonly [string, string])[] {
  if (!isFields(value)) return []
  return Object.entries(value).flatMap(([key, text]) => (typeof text === 'string' ? [[key, text] as const] : []))
}
