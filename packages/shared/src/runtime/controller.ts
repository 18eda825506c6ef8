import type { Decoded } from '@weir/shared/api'
import type { Cache, Kube, KubeObject } from '@weir/shared/kube'
import type { Recorder } from '@weir/shared/events'
import type { Telemetry } from '@weir/shared/telemetry'
import type { Clock } from './clock.ts'
import type { KindTable, Notes, OwnStatus, Reconcilable } from './kind-table.ts'
import type { Limit } from './limit.ts'
import type { Outcome, Stop } from './outcome.ts'
import type { OnStep, Step } from './step.ts'
import type { Key, WakeClass } from './wake.ts'

/** An object as it is stored, decoded or not: an invalid stored spec still has a deletion and a status. */
export type Stored<O> =
  | { readonly ok: true; readonly value: O; readonly object: KubeObject }
  | { readonly ok: false; readonly field: string; readonly message: string; readonly object: KubeObject }

/** Turns an api decoder into a cache's `decode`: `createCache({ …, decode: decodeStored(decodeKustomization) })`. */
export function decodeStored<O>(decode: (object: unknown) => Decoded<O>): (object: KubeObject) => Stored<O> {
  return (object) => {
    const decoded = decode(object)
    return decoded.ok ? { ok: true, value: decoded.value, object } : { ok: false, field: decoded.field, message: decoded.message, object }
  }
}

/** What a run knows beside its object. */
export interface Run<O extends Reconcilable> {
  readonly key: Key
  /** The best class that woke it; `verification` writes no progress of its own accord. */
  readonly cause: WakeClass
  readonly reconcileId: string
  /** The requestedAt token that this run will echo. */
  readonly token: string | undefined
  /** Aborts with RunAborted when the run ends early; inside a step use the step's own signal. */
  readonly signal: AbortSignal
  /**
   * The object to prune or finalize on: read from the API server once, unless this process wrote its status itself.
   * undefined: it is gone or was replaced by another object of the same name.
   */
  confirmed(): Promise<Stored<O> | undefined>
}

/** Told after the last status write of a run was answered (not for superseded or aborted runs). */
export interface RunEnd<O extends Reconcilable> {
  readonly key: Key
  readonly before: O
  /** As the API server answered; the one in the cache if nothing was written. */
  readonly after: O
  readonly outcome: Outcome
  readonly notes: Notes<OwnStatus<O>>
  readonly wrote: boolean
  readonly recovered: boolean
  readonly durationMs: number
}

export interface ControllerOptions<O extends Reconcilable> {
  readonly table: KindTable<O>
  readonly kube: Kube
  readonly cache: Cache<Stored<O>>
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly recorder: Recorder
  readonly limit: Limit
  readonly retry: { readonly minMs: number; readonly maxMs: number }
  readonly jitterPercent: number
  /** The main path. Throws only bugs and KubeErrors about reaching the API server. */
  reconcile(object: O, step: Step<OwnStatus<O>>, run: Run<O>): Promise<Outcome>
  /**
   * Cleans up before the finalizer goes. `failing` and `waiting`: the finalizer stays, conditions as found, tried again;
   * `stalled`: the finalizer stays, the conditions say why.
   */
  finalize(stored: Stored<O>, step: Step<OwnStatus<O>>, run: Run<O>): Promise<Stop | 'finalized'>
  /** Publishing to the bus, waking dependants. Must not throw. */
  settled?(end: RunEnd<O>): void
  /** Class of an object that is there when the controller starts; default `spec`. */
  onStart?(object: O): WakeClass
  /** Called when the object is gone from the API server: drop indexes and metric series. */
  removed?(key: Key): void
  /** Milliseconds until a key of this class may start (0: now): the pace of `verification`. */
  pace?(wakeClass: WakeClass): number
  readonly onStep?: OnStep
  /** In [0, 1), for the jitter; default Math.random. */
  random?(): number
}

export interface Controller {
  /** Resolves when the cache is synced and workers run. */
  start(): Promise<void>
  /** Queues the key once; while it is in work it is marked and runs once more. Does not end a run. */
  wake(key: Key, wakeClass: WakeClass, options?: { readonly afterMs?: number }): void
  /** Ends a running run of the key (never a critical step) and queues it: a newer source revision. */
  supersede(key: Key, wakeClass?: WakeClass): void
  /** Keys waiting or in work. */
  busy(): number
  /** Starts no new run and aborts with `shutdown`; critical steps get `graceMs`. Resolves when every run has ended. */
  drain(graceMs: number): Promise<void>
  /** The lease is lost: aborts everything, writes nothing. */
  abandon(): void
}

export function createController<O extends Reconcilable>(options: ControllerOptions<O>): Controller {
  throw new Error(`controller of ${options.table.kind.kind}: not built yet`)
}
