import { betterOf, textOf, wakeClasses, type Key, type WakeClass } from '../wake.ts'

/** A key that waits for a worker. */
export interface Place {
  readonly key: Key
  readonly wakeClass: WakeClass
  /** Monotonic; stays when the key moves to a better class. */
  readonly sinceMs: number
}

/** Waiting keys, each once, by class and by age. */
export interface Line {
  /** False when the key was already there; it then moves up if the class is better. */
  join(key: Key, wakeClass: WakeClass, nowMs: number): boolean
  leave(key: Key): void
  /**
   * Who is next, of the classes that may go: the oldest if it has waited longer than the line's patience, else the first of the best
   * class. Where none may go, `waitMs` says when to ask again.
   */
  next(nowMs: number, waitOf: (wakeClass: WakeClass) => number): Place | { readonly waitMs: number } | undefined
  size(): number
}

/** `patienceMs`: no key waits longer than this behind better ones. */
export function createLine(patienceMs: number): Line {
  const byAge = new Map<string, Place>()
  const byClass = new Map(wakeClasses.map((wakeClass) => [wakeClass, new Map<string, Place>()]))

  function nextOfBestClass(waitOf: (wakeClass: WakeClass) => number): Place | { readonly waitMs: number } | undefined {
    let soonestMs = Infinity
    for (const [wakeClass, places] of byClass) {
      const place = first(places)
      if (place === undefined) continue
      const waitMs = waitOf(wakeClass)
      if (waitMs <= 0) return place
      soonestMs = Math.min(soonestMs, waitMs)
    }
    return soonestMs < Infinity ? { waitMs: soonestMs } : undefined
  }

  /** The very oldest nearly always; where its class is paced, the oldest of those that came first to their classes. */
  function oldestThatMayGo(waitOf: (wakeClass: WakeClass) => number): Place | undefined {
    const oldest = first(byAge)
    if (oldest === undefined || waitOf(oldest.wakeClass) <= 0) return oldest
    let elder: Place | undefined
    for (const [wakeClass, places] of byClass) {
      const head = first(places)
      if (head === undefined || waitOf(wakeClass) > 0) continue
      if (elder === undefined || head.sinceMs < elder.sinceMs) elder = head
    }
    return elder
  }

  return {
    join(key, wakeClass, nowMs) {
      const text = textOf(key)
      const before = byAge.get(text)
      if (before && betterOf(before.wakeClass, wakeClass) === before.wakeClass) return false
      if (before) byClass.get(before.wakeClass)?.delete(text)
      const place = { key, wakeClass, sinceMs: before?.sinceMs ?? nowMs }
      byAge.set(text, place) // a key that is there keeps its position
      byClass.get(wakeClass)?.set(text, place)
      return before === undefined
    },
    leave(key) {
      const text = textOf(key)
      const place = byAge.get(text)
      byAge.delete(text)
      if (place) byClass.get(place.wakeClass)?.delete(text)
    },
    next(nowMs, waitOf) {
      const oldest = oldestThatMayGo(waitOf)
      if (oldest && nowMs - oldest.sinceMs > patienceMs) return oldest
      return nextOfBestClass(waitOf)
    },
    size: () => byAge.size,
  }
}

function first<V>(entries: ReadonlyMap<string, V>): V | undefined {
  return entries.values().next().value
}
