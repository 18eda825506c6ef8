import { annotations, ownAnnotationPrefix, type ObjectMeta } from '@weir/shared/api'

/** An object of the controller's kind. */
export interface Key {
  readonly namespace: string
  readonly name: string
}

/** Why a key is queued, best first: the queue serves in this order. */
export const wakeClasses = ['deletion', 'token', 'spec', 'source', 'dependency', 'drift', 'interval', 'verification'] as const

export type WakeClass = (typeof wakeClasses)[number]

/** "namespace/name" */
export function textOf(key: Key): string {
  return `${key.namespace}/${key.name}`
}

/** The way back from `textOf`; names hold no slash. */
export function keyFrom(text: string): Key {
  const slash = text.indexOf('/')
  return { namespace: text.slice(0, slash), name: text.slice(slash + 1) }
}

export function keyOf(metadata: ObjectMeta): Key {
  return { namespace: metadata.namespace ?? '', name: metadata.name }
}

export function betterOf(a: WakeClass, b: WakeClass): WakeClass {
  return wakeClasses.indexOf(a) <= wakeClasses.indexOf(b) ? a : b
}

/** What a change of an object of our own kind does. */
export interface Wake {
  readonly wakeClass: WakeClass
  /** A run that is on its way works for something that is no longer asked for. */
  readonly supersedes: boolean
}

/**
 * Contract 1.3: a changed generation or a new token wakes; finalizers, labels, other annotations and our own status
 * writes do not. Beyond Flux: a changed `weir.dev/*` annotation does, and a deletion does so at once.
 */
export function wakeOfChange(before: ObjectMeta, after: ObjectMeta): Wake | undefined {
  const again = before.uid !== after.uid // deleted and created anew between two looks
  if (after.deletionTimestamp !== undefined) {
    return again || before.deletionTimestamp === undefined ? { wakeClass: 'deletion', supersedes: true } : undefined
  }
  if (again) return { wakeClass: 'spec', supersedes: true }
  if (tokenOf(after) !== undefined && tokenOf(after) !== tokenOf(before)) return { wakeClass: 'token', supersedes: true }
  if (before.generation !== after.generation) return { wakeClass: 'spec', supersedes: true }
  return isSame(ownAnnotations(before), ownAnnotations(after)) ? undefined : { wakeClass: 'spec', supersedes: false }
}

/** The class of an object that just appeared: created, or there when we started. */
export function classOfArrival(metadata: ObjectMeta, handledToken: string | undefined, otherwise: WakeClass): WakeClass {
  if (metadata.deletionTimestamp !== undefined) return 'deletion'
  return tokenOf(metadata) !== undefined && tokenOf(metadata) !== handledToken ? 'token' : otherwise
}

/** The reconcile request that an object carries (`reconcile.fluxcd.io/requestedAt`). */
export function tokenOf(metadata: ObjectMeta): string | undefined {
  return metadata.annotations?.[annotations.requestedAt]
}

function ownAnnotations(metadata: ObjectMeta): ReadonlyMap<string, string> {
  return new Map(Object.entries(metadata.annotations ?? {}).filter(([name]) => name.startsWith(ownAnnotationPrefix)))
}

function isSame(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([name, value]) => b.get(name) === value)
}
