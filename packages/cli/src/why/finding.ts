import type { ObjectRef } from '@weir/shared/manifest'

/** What is named: an object, or a part of one. */
export type Place = Pick<ObjectRef, 'kind' | 'namespace' | 'name'>

/** `waiting`: not ready, and nothing of its own failed. `refused`: the API server did not do what was asked about it. */
export type State = 'ready' | 'failed' | 'waiting' | 'refused' | 'suspended' | 'missing' | 'unreadable'

/** One link of the way from what a person asked about down to what fails. */
export interface Finding {
  readonly place: Place
  /** How it belongs to the finding above: `its source`. */
  readonly relation?: string
  readonly state: State
  /** The API's word: of the Ready condition, of a container's state. `''` where there is none. */
  readonly reason: string
  /** Its own words. */
  readonly message: string
  /** What else is known, a line each: events, counts, the file. */
  readonly facts: readonly string[]
  /** RFC 3339: since when it is so. */
  readonly since?: string
  readonly revision?: string
  /** Further down. */
  readonly causes: readonly Finding[]
}

/** A finding with nothing below it and nothing to add, until more is said. */
export function finding(place: Place, said: Partial<Omit<Finding, 'place'>> & Pick<Finding, 'state'>): Finding {
  return { reason: '', message: '', facts: [], causes: [], ...said, place: { kind: place.kind, namespace: place.namespace, name: place.name } }
}

/** Everything at the end of a way that is not ready: where a person should look. */
export function rootCauses(found: Finding): readonly Finding[] {
  const below = found.causes.flatMap(rootCauses)
  if (below.length > 0) return below
  return found.state === 'ready' ? [] : [found]
}
