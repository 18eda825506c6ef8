import type { Kind } from '@weir/shared/api'
import { KubeError, type Kube, type KubeObject } from '@weir/shared/kube'
import { fieldAt, isFields } from '@weir/shared/manifest'
import { textAt } from '../get/row.ts'
import { eventKind } from '../objects/kinds.ts'

/** What reading one object told. */
export type Sighting =
  | { readonly kind: 'found'; readonly object: KubeObject }
  | { readonly kind: 'missing' }
  /** The cluster has no such kind. */
  | { readonly kind: 'not-served' }
  /** No right to read it, or the API server could not answer. */
  | { readonly kind: 'unreadable'; readonly message: string }

export interface ObjectName {
  readonly group: string
  /** Absent: the version that the cluster prefers. */
  readonly version?: string | undefined
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

export interface Listing {
  readonly objects: readonly KubeObject[]
  /** Why nothing could be read; undefined where it could. */
  readonly trouble: string | undefined
}

/** Warnings of an object, newest first. */
export interface Warning {
  readonly reason: string
  readonly message: string
  readonly count: number
}

/** What the walk asks the cluster. Nothing here writes, and nothing reads the content of a Secret. */
export interface Reader {
  read(name: ObjectName): Promise<Sighting>
  /** That it is there, without its content. */
  exists(kind: Kind, namespace: string, name: string): Promise<Sighting>
  list(kind: Kind, namespace: string, labelSelector: string): Promise<Listing>
  warnings(object: KubeObject): Promise<readonly Warning[]>
  /** Wall clock. */
  now(): number
}

export function createReader(kube: Pick<Kube, 'get' | 'list' | 'discovery'>, { signal, now }: { readonly signal: AbortSignal; readonly now: () => number }): Reader {
  return {
    now,
    read: ({ group, version, kind, namespace, name }) =>
      sight(async () => {
        const resource = await kube.discovery.resource({ group, kind, ...(version !== undefined && { version }) }, signal)
        if (resource === undefined) return 'not-served'
        const metadataOnly = group === '' && kind === 'Secret' // law of this file
        return kube.get({ resource, namespace, name }, { signal, metadataOnly })
      }),
    exists: (resource, namespace, name) => sight(() => kube.get({ resource, namespace, name }, { signal, metadataOnly: true })),
    async list(resource, namespace, labelSelector) {
      try {
        const { items } = await kube.list(resource, { namespace, labelSelector, signal })
        return { objects: items, trouble: undefined }
      } catch (error) {
        return { objects: [], trouble: wordsOf(error) }
      }
    },
    async warnings(object) {
      const { namespace, uid } = object.metadata
      if (uid === undefined) return []
      const fieldSelector = `involvedObject.uid=${uid},type=Warning`
      const answer = await kube.list(eventKind, { namespace: namespace ?? 'default', fieldSelector, signal }).catch(nothingIfKube)
      return warningsOf(answer?.items ?? [])
    },
  }
}

/** Pure: the warnings of events, newest first, the same message once. */
export function warningsOf(events: readonly KubeObject[]): readonly Warning[] {
  const newest = events.toSorted((a, b) => (lastSeen(a) < lastSeen(b) ? 1 : -1))
  const warnings = newest.map((event) => ({ reason: textAt(event, 'reason') ?? '', message: textAt(event, 'message') ?? '', count: countOf(event) }))
  return warnings.filter(({ message }, at) => warnings.findIndex((other) => other.message === message) === at)
}

function lastSeen(event: KubeObject): string {
  return textAt(event, 'series', 'lastObservedTime') ?? textAt(event, 'lastTimestamp') ?? textAt(event, 'eventTime') ?? event.metadata.creationTimestamp ?? ''
}

function countOf(event: KubeObject): number {
  const count = fieldAt(event, 'series', 'count') ?? fieldAt(event, 'count')
  return typeof count === 'number' ? count : 1
}

async function sight(look: () => Promise<KubeObject | undefined | 'not-served'>): Promise<Sighting> {
  try {
    const object = await look()
    if (object === 'not-served') return { kind: 'not-served' }
    return isFields(object) ? { kind: 'found', object } : { kind: 'missing' }
  } catch (error) {
    if (error instanceof KubeError && error.code === 'not-served') return { kind: 'not-served' }
    return { kind: 'unreadable', message: wordsOf(error) }
  }
}

/** A part that cannot be read is told; a cluster that cannot be reached, or a bug, ends the walk. */
function wordsOf(error: unknown): string {
  if (!(error instanceof KubeError) || error.code === 'unreachable' || error.code === 'aborted') throw error
  return error.message
}

function nothingIfKube(error: unknown): undefined {
  wordsOf(error)
  return undefined
}
