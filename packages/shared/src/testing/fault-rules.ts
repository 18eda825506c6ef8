import { createHash } from 'node:crypto'

/** What goes wrong. Byte counts are of the response body (of both directions together on plain TCP). */
export type Fault =
  /** Answers instead of the target, which never sees the request. */
  | { readonly kind: 'status'; readonly status: 409 | 410 | 429 | 500 | 503; readonly retryAfterSeconds?: number }
  /** Breaks the connection: before the target sees the request, or after it has answered (the write was done). */
  | { readonly kind: 'reset'; readonly at: 'request' | 'response' }
  /** Holds the request back, or the answer. */
  | { readonly kind: 'stall'; readonly at: 'request' | 'response'; readonly ms: number }
  /** Breaks the connection in the middle of a long response, a watch mostly; whichever comes first. */
  | { readonly kind: 'cut'; readonly afterBytes?: number; readonly afterMs?: number }
  | { readonly kind: 'slow'; readonly bytesPerSecond: number }
  /** Ends the body early, with the length header of the whole body. */
  | { readonly kind: 'truncate'; readonly keepBytes: number }
  /** Sends the request twice; the client gets the second answer. */
  | { readonly kind: 'duplicate-request' }
  /** Sends every line of the response (a watch event) twice. */
  | { readonly kind: 'duplicate-lines' }
  /** Sends a watch the error event of an expired resourceVersion, and ends it. */
  | { readonly kind: 'gone-event'; readonly afterMs: number }

export interface FaultRule {
  readonly fault: Fault
  /** Upper case. */
  readonly methods?: readonly string[]
  /** Tested against path and query. */
  readonly path?: RegExp
  /** In [0, 1]; default 1. */
  readonly probability?: number
  /** Matching requests that pass before the rule counts. */
  readonly skip?: number
  /** Injections after which the rule is spent. */
  readonly count?: number
}

/** What was injected into what. */
export interface Injection {
  readonly fault: Fault
  readonly method: string
  readonly path: string
}

export interface FaultPlan {
  /** The fault for the next request, by the first rule that strikes. */
  choose(method: string, path: string): Fault | undefined
  /** Replaces the rules, and the seed if another is given; counts start again. */
  use(rules: readonly FaultRule[], seed?: number): void
  injected(): readonly Injection[]
}

/**
 * Decides from a seed. The n-th request of a method and path meets the same fate in every run of one seed, however the
 * requests of others fall in between.
 */
export function createFaultPlan(seed: number, given: readonly FaultRule[]): FaultPlan {
  const injected: Injection[] = []
  const state: { seed: number; rules: readonly FaultRule[]; seen: Map<string, number>; hits: number[]; strikes: number[] } = {
    seed,
    rules: given,
    seen: new Map(),
    hits: [],
    strikes: [],
  }
  const strikes = (rule: FaultRule, index: number, draw: number): boolean => {
    const hit = (state.hits[index] ?? 0) + 1
    state.hits[index] = hit
    const struck = state.strikes[index] ?? 0
    if (hit <= (rule.skip ?? 0) || struck >= (rule.count ?? Number.POSITIVE_INFINITY) || draw >= (rule.probability ?? 1)) return false
    state.strikes[index] = struck + 1
    return true
  }
  return {
    choose(method, path) {
      const key = `${method} ${path.split('?', 1)[0]}`
      const occurrence = state.seen.get(key) ?? 0
      state.seen.set(key, occurrence + 1)
      for (const [index, rule] of state.rules.entries()) {
        if (!matches(rule, method, path)) continue
        if (!strikes(rule, index, drawOf(`${state.seed}/${index}/${key}/${occurrence}`))) continue
        injected.push({ fault: rule.fault, method, path })
        return rule.fault
      }
      return undefined
    },
    use(rules, next = state.seed) {
      Object.assign(state, { seed: next, rules, seen: new Map(), hits: [], strikes: [] })
    },
    injected: () => injected,
  }
}

function matches(rule: FaultRule, method: string, path: string): boolean {
  return (rule.methods?.includes(method) ?? true) && (rule.path === undefined || path.search(rule.path) >= 0)
}

/** In [0, 1). */
function drawOf(key: string): number {
  return createRandom(createHash('sha256').update(key).digest().readUInt32LE())()
}

/** mulberry32: small, and the same on every machine. */
export function createRandom(seed: number): () => number {
  const state = { at: seed >>> 0 }
  return () => {
    state.at = (state.at + 0x6d2b79f5) >>> 0
    const first = Math.imul(state.at ^ (state.at >>> 15), state.at | 1)
    const second = first ^ (first + Math.imul(first ^ (first >>> 7), first | 61))
    return ((second ^ (second >>> 14)) >>> 0) / 2 ** 32
  }
}

/** The answer of an API server that has this trouble. */
export function statusBody(status: number, message = 'injected fault'): string {
  return JSON.stringify({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason: reasons[status] ?? '', code: status })
}

const reasons: Readonly<Record<number, string>> = {
  409: 'Conflict',
  410: 'Expired',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
}
