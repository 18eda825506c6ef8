/** How many reconciles may fetch, build or apply at once. */
export interface Limit {
  current(): number
  /** A piece of work took `ms` while `active` were in work. */
  observe(ms: number, active: number): void
  /** The API server said 429 or did not answer in time. */
  overloaded(): void
}

const start = 8
const least = 4
const most = 64
const tolerance = 1.5
/** Samples that are looked at together: one slow object is no congestion. */
const windowSize = 16
/** Differences below this are noise. */
const shortestMs = 1
/** Weight of a new window in what is held to be normal. */
const memory = 0.05

/** `--concurrent` set: a hard cap, that overload still shrinks. Unset: starts at 8 and follows latency between 4 and 64. */
export function createLimit(concurrent?: number): Limit {
  const bounds = concurrent === undefined ? { least, most, tolerance } : { least: 1, most: concurrent, tolerance: Infinity }
  return createGradient(concurrent ?? start, bounds)
}

interface Bounds {
  readonly least: number
  readonly most: number
  /** How much longer than usual work may take before it counts as congestion. */
  readonly tolerance: number
}

/**
 * A gradient limit: while work takes no longer than it used to, the limit grows by its square root a window; when it
 * takes longer, it shrinks in proportion. Only windows that used the limit count: an idle controller proves nothing.
 */
function createGradient(initial: number, bounds: Bounds): Limit {
  let limit = initial
  let normalMs: number | undefined
  let samples: number[] = []
  let busiest = 0
  let halved = false

  function closeWindow(): void {
    const nowMs = medianOf(samples)
    const usedMuch = busiest * 2 >= limit
    samples = []
    busiest = 0
    halved = false
    normalMs = normalMs === undefined ? nowMs : Math.min(normalMs * (1 - memory) + nowMs * memory, nowMs * 2)
    if (usedMuch) limit = clamp(next(limit, (bounds.tolerance * Math.max(normalMs, shortestMs)) / Math.max(nowMs, shortestMs)), bounds)
  }

  return {
    current: () => Math.max(bounds.least, Math.floor(limit)),
    observe(ms, active) {
      samples.push(ms)
      busiest = Math.max(busiest, active)
      if (samples.length >= windowSize) closeWindow()
    },
    overloaded() {
      if (halved) return // one answer to one burst: everything in work hears of it at once
      halved = true
      samples = []
      busiest = 0
      limit = clamp(limit / 2, bounds)
    },
  }
}

/** `ease`: how much longer work could take, as a factor; below 1 it takes too long. */
function next(limit: number, ease: number): number {
  return ease >= 1 ? limit + Math.sqrt(limit) : limit * Math.max(0.5, ease)
}

function clamp(limit: number, bounds: Bounds): number {
  return Math.min(bounds.most, Math.max(bounds.least, limit))
}

function medianOf(samples: readonly number[]): number {
  return samples.toSorted((a, b) => a - b)[samples.length >> 1] ?? 0
}

/** Workers: a run holds one while it works and none while it waits. */
export interface Slots {
  /** For a new run: false when all are taken or a parked run waits for one. */
  free(): boolean
  /** After `free` said yes. */
  enter(): void
  /** For a parked run that goes on: served before new runs. Rejects with the signal's reason. */
  take(signal: AbortSignal): Promise<void>
  give(): void
  taken(): number
}

interface Waiter {
  readonly admit: () => void
}

/** `onFree` is told when a new run may try. */
export function createSlots(limit: Limit, onFree: () => void): Slots {
  const waiters = new Set<Waiter>()
  let taken = 0

  function admitWaiters(): void {
    for (const waiter of waiters) {
      if (taken >= limit.current()) return
      waiters.delete(waiter)
      taken++
      waiter.admit()
    }
  }

  return {
    free: () => waiters.size === 0 && taken < limit.current(),
    enter: () => void taken++,
    take(signal) {
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason)
        const leave = (): void => {
          if (waiters.delete(waiter)) reject(signal.reason)
        }
        const waiter = {
          admit: () => {
            signal.removeEventListener('abort', leave)
            resolve()
          },
        }
        signal.addEventListener('abort', leave, { once: true })
        waiters.add(waiter)
        admitWaiters()
      })
    },
    give() {
      taken--
      admitWaiters()
      if (waiters.size === 0 && taken < limit.current()) onFree()
    },
    taken: () => taken,
  }
}
