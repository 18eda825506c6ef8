import type { Recorder } from '@weir/shared/events'
import type { Cache, Kube, KubeObject } from '@weir/shared/kube'
import type { Telemetry } from '@weir/shared/telemetry'
import type { Clock } from './clock.ts'
import { createFinish, type Finish } from './finish.ts'
import type { KindTable, Notes, OwnStatus, Reconcilable } from './kind-table.ts'
import { createSlots, type Limit } from './queue/limit.ts'
import { createRunMetrics, type RunMetrics } from './run-metrics.ts'
import type { Outcome, Stop } from './outcome.ts'
import { createProgressPace } from './progress-pace.ts'
import { createQueue, type Queue, type Taken } from './queue/queue.ts'
import { openAttempt, runAttempt, type Attempt, type Runner } from './run.ts'
import type { AbortReason, OnStep, Step } from './step.ts'
import { classOfArrival, keyOf, textOf, wakeOfChange, type Key, type WakeClass } from './wake.ts'
import { createWriter } from './write-status.ts'

/** An object as it is stored, decoded or not: an invalid stored spec still has a deletion and a status. */
export type Stored<O> =
  | { readonly ok: true; readonly value: O; readonly object: KubeObject }
  | { readonly ok: false; readonly field: string; readonly message: string; readonly object: KubeObject }

/** What the decoders of `api/schemas` answer. */
export type Decoded<O> = { readonly ok: true; readonly value: O } | { readonly ok: false; readonly field: string; readonly message: string }

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
  /** Since the run began. */
  elapsedMs(): number
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

export interface WakeOptions {
  readonly afterMs?: number
  /** W3C, of what caused the wake: the next run continues its trace. */
  readonly traceparent?: string | undefined
}

export interface Controller {
  /** Resolves when the cache is synced and workers run. */
  start(): Promise<void>
  /** Queues the key once; while it is in work it is marked and runs once more. Does not end a run. */
  wake(key: Key, wakeClass: WakeClass, options?: WakeOptions): void
  /** Ends a running run of the key (never a critical step, nor a finalization) and queues it: a newer source revision. */
  supersede(key: Key, wakeClass?: WakeClass, options?: WakeOptions): void
  /** Keys waiting or in work. */
  busy(): number
  /** Starts no new run and aborts with `shutdown`; critical steps get `graceMs`. Resolves when every run has ended, or soon after the grace. */
  drain(graceMs: number): Promise<void>
  /** The lease is lost: aborts everything, writes nothing. */
  abandon(): void
}

/** A controller in motion. */
interface Machine<O extends Reconcilable> {
  readonly options: ControllerOptions<O>
  readonly runner: Runner<O>
  readonly queue: Queue
  readonly finish: Finish<O>
  readonly metrics: RunMetrics
  readonly running: Map<string, { readonly attempt: Attempt<O>; readonly done: Promise<void> }>
  /** Trace to continue, by key: of the last wake that had one. */
  readonly traces: Map<string, string>
  open: boolean
}

/** Why what a run left behind is ended. One for all: each error would record a stack that nobody reads. */
const runIsOver = new Error('the run is over')

/** A step that does not obey its abort must not hold up the end of the process. */
const afterGraceMs = 5_000

/** Watches one kind, queues its keys and runs them: each key by one run at a time, as many keys as the limit allows. */
export function createController<O extends Reconcilable>(options: ControllerOptions<O>): Controller {
  const machine = assemble(options)
  const { queue } = machine
  const wake: Controller['wake'] = (key, wakeClass, { afterMs, traceparent } = {}) => {
    if (traceparent !== undefined) machine.traces.set(textOf(key), traceparent)
    queue.add(key, wakeClass, { afterMs })
  }
  return {
    start: () => start(machine),
    wake,
    supersede(key, wakeClass = 'source', how = {}) {
      end(machine, key, 'superseded') // first: a wake may start a run at once
      wake(key, wakeClass, how)
    },
    busy: () => queue.waiting() + queue.working(),
    drain: (graceMs) => drain(machine, graceMs),
    abandon() {
      close(machine)
      for (const { attempt } of machine.running.values()) attempt.abort.kill('lost-lease')
    },
  }
}

function close<O extends Reconcilable>(machine: Machine<O>): void {
  machine.open = false
  machine.queue.close()
  machine.metrics.close()
}

async function drain<O extends Reconcilable>(machine: Machine<O>, graceMs: number): Promise<void> {
  const { clock, telemetry } = machine.options
  close(machine)
  const runs = [...machine.running.values()]
  for (const { attempt } of runs) attempt.abort.end('shutdown')
  const grace = clock.timer(graceMs, () => runs.forEach(({ attempt }) => attempt.abort.kill('shutdown')))
  const late = new AbortController()
  const tooLate = clock.sleep(graceMs + afterGraceMs, late.signal).then(
    () => telemetry.log.error('runs did not end in time', { keys: [...machine.running.keys()].sort() }),
    () => undefined, // all ended
  )
  await Promise.race([Promise.all(runs.map(({ done }) => done)), tooLate])
  grace.cancel()
  late.abort()
}

function assemble<O extends Reconcilable>(options: ControllerOptions<O>): Machine<O> {
  const { table, kube, cache, clock, telemetry, limit } = options
  const writer = createWriter({ table, kube, clock, observe: (object) => cache.observe(object) })
  const slots = createSlots(limit, () => pump(machine))
  const runner: Runner<O> = { ...options, writer, slots, progressPace: createProgressPace(clock), written: new Set() }
  const queue = createQueue({
    name: table.kind.kind.toLowerCase(),
    clock,
    metrics: telemetry.metrics,
    onReady: () => pump(machine),
    ...(options.pace ? { pace: options.pace } : {}),
  })
  const metrics = createRunMetrics({ table, metrics: telemetry.metrics, active: slots.taken, most: limit.current })
  const machine: Machine<O> = { options, runner, queue, metrics, finish: createFinish({ runner, queue, metrics }), running: new Map(), traces: new Map(), open: false }
  return machine
}

async function start<O extends Reconcilable>(machine: Machine<O>): Promise<void> {
  const { cache, onStart } = machine.options
  await cache.synced
  machine.open = true
  for (const stored of cache.list()) {
    arrive(machine, stored, stored.ok ? (onStart?.(stored.value) ?? 'spec') : 'spec')
  }
  cache.onChange(({ before, after }) => {
    if (!machine.open) return
    if (after === undefined) return before && leave(machine, before)
    if (before === undefined) return arrive(machine, after, 'spec')
    change(machine, before, after)
  })
  pump(machine)
}

function arrive<O extends Reconcilable>({ queue }: Machine<O>, { object }: Stored<O>, otherwise: WakeClass): void {
  const handled = (object as unknown as Reconcilable).status?.lastHandledReconcileAt
  queue.add(keyOf(object.metadata), classOfArrival(object.metadata, handled, otherwise))
}

function change<O extends Reconcilable>(machine: Machine<O>, before: Stored<O>, after: Stored<O>): void {
  const wake = wakeOfChange(before.object.metadata, after.object.metadata)
  if (wake === undefined) return
  const key = keyOf(after.object.metadata)
  machine.queue.succeeded(key) // a changed object is not slowed down by the failures of the old one
  if (wake.supersedes) end(machine, key, 'superseded') // first: a wake may start a run at once
  machine.queue.add(key, wake.wakeClass)
}

function leave<O extends Reconcilable>(machine: Machine<O>, { object }: Stored<O>): void {
  const key = keyOf(object.metadata)
  if (object.metadata.uid !== undefined) machine.runner.written.delete(object.metadata.uid)
  machine.queue.forget(key)
  machine.finish.forget(key)
  machine.traces.delete(textOf(key))
  machine.running.get(textOf(key))?.attempt.abort.end('superseded') // nobody is left to work for
  machine.metrics.forget(key)
  machine.options.removed?.(key)
}

/** What is being deleted is finalized whatever else is wished for. */
function end<O extends Reconcilable>({ running }: Machine<O>, key: Key, why: AbortReason): void {
  const attempt = running.get(textOf(key))?.attempt
  if (attempt?.stored.object.metadata.deletionTimestamp === undefined) attempt?.abort.end(why)
}

/** Starts as many runs as there are workers and keys. */
function pump<O extends Reconcilable>(machine: Machine<O>): void {
  const { queue, runner } = machine
  while (machine.open && runner.slots.free()) {
    const taken = queue.take()
    if (taken === undefined) return
    const stored = runner.cache.get(taken.key.namespace, taken.key.name)
    if (stored === undefined) {
      queue.done(taken.key)
      continue
    }
    runner.slots.enter()
    const attempt = openAttempt(runner, taken, stored)
    const done = Promise.resolve().then(() => run(machine, taken, attempt)) // registered before it begins
    machine.running.set(textOf(taken.key), { attempt, done })
  }
}

/** Never rejects: what a run throws is judged here and nowhere else. */
async function run<O extends Reconcilable>(machine: Machine<O>, { key }: Taken, attempt: Attempt<O>): Promise<void> {
  const { runner, finish, queue, running } = machine
  const { telemetry, table } = runner
  const attributes = { kind: table.kind.kind, ...key, reconcileID: attempt.reconcileId }
  const trace = machine.traces.get(textOf(key))
  machine.traces.delete(textOf(key))
  try {
    await telemetry.within(trace, () =>
      telemetry.span(`reconcile ${table.kind.kind}`, attributes, () =>
        runAttempt(runner, attempt)
          .then((ended) => finish.ended(attempt, ended))
          .catch((error: unknown) => finish.threw(attempt, error)),
      ),
    )
  } catch (error) {
    telemetry.log.error('run not finished', { ...key, error })
  } finally {
    attempt.ticking?.cancel()
    attempt.over.abort(runIsOver)
    await attempt.writing
    running.delete(textOf(key))
    queue.done(key)
    if (attempt.slot.held) runner.slots.give()
  }
}
