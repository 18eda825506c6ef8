/** An early end of a run. What happens next is in its kind, never in its text. */
export type Stop = Waiting | Failing | Stalled

/** Something else has to happen first. `retryAfterMs` is only the fallback of the watch that wakes the object. */
export interface Waiting extends Why {
  readonly kind: 'waiting'
  readonly retryAfterMs: number
}

/** Trying again may help. `transient`: back off from 750 ms; otherwise the kind's own retry interval, if it has one. */
export interface Failing extends Why {
  readonly kind: 'failing'
  readonly transient: boolean
  /** The server's Retry-After: the next try is not earlier. */
  readonly retryAfterMs?: number
}

/** Terminal: only a change of the object, or of something it watches, helps. */
export interface Stalled extends Why {
  readonly kind: 'stalled'
}

/** The run reached its end; `holds` names the facts that are true now, all others of the kind are removed. */
export interface Ready {
  readonly kind: 'ready'
  readonly reason: string
  readonly message: string
  readonly holds: readonly (string | Mark)[]
}

export type Outcome = Stop | Ready

/** Reason and message as they reach the Ready condition. */
export interface Why {
  readonly reason: string
  readonly message: string
  /** The condition to blame: a fault becomes True, a fact becomes False. */
  readonly blames?: string
  /** The blamed condition's message where it differs from Ready's. */
  readonly blamesMessage?: string
  /** Likely over in a moment, and about nothing that is still to be done: who is ready stays so for a minute. */
  readonly passing?: boolean
}

/** A condition type with its own reason and message. */
export interface Mark {
  readonly type: string
  readonly reason: string
  readonly message: string
}

const stopKinds: ReadonlySet<unknown> = new Set(['waiting', 'failing', 'stalled'])

/** Tells a Stop from a step's value. */
export function isStop(value: unknown): value is Stop {
  if (typeof value !== 'object' || value === null) return false
  if (!('kind' in value && 'reason' in value && 'message' in value)) return false
  return stopKinds.has(value.kind) && typeof value.reason === 'string' && typeof value.message === 'string'
}

export function waiting(why: Why, retryAfterMs: number): Waiting {
  return { kind: 'waiting', ...why, retryAfterMs }
}

/** Retried by backoff from 750 ms: network, 409, 429, 5xx. */
export function failingTransiently(why: Why, retryAfterMs?: number): Failing {
  return { kind: 'failing', ...why, transient: true, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
}

/** Retried as the kind's retry policy says. */
export function failing(why: Why): Failing {
  return { kind: 'failing', ...why, transient: false }
}

export function stalled(why: Why): Stalled {
  return { kind: 'stalled', ...why }
}

export function ready(reason: string, message: string, holds: readonly (string | Mark)[] = []): Ready {
  return { kind: 'ready', reason, message, holds }
}
