import { randomUUID } from 'node:crypto'
import { redact } from '@weir/shared/telemetry'
import type { KubeObject } from '@weir/shared/kube'
import type { ControllerOptions, Run, Stored } from './controller.ts'
import type { Timer } from './clock.ts'
import type { Notes, OwnStatus, Progress, Reconcilable } from './kind-table.ts'
import type { Slots } from './queue/limit.ts'
import { stalled, type Outcome } from './outcome.ts'
import type { ProgressPace } from './progress-pace.ts'
import type { Taken } from './queue/queue.ts'
import { createRunAbort, runStep, type OnStep, type RunAbort, type Slot, type Step, type StepMode, type StepperOptions } from './step.ts'
import { deriveStatus, isBuilding, type Verdict } from './status.ts'
import { isAsked } from './summary.ts'
import { tokenOf } from './wake.ts'
import type { Writer, Written } from './write-status.ts'

/** A run that lasts this long says so in the status, says what else it does after as long, and looks again after as long where too many others do. */
const progressAfterMs = 2_000

export interface Runner<O extends Reconcilable> extends ControllerOptions<O> {
  readonly writer: Writer<O>
  readonly slots: Slots
  readonly progressPace: ProgressPace
  /** uids of objects whose status this process wrote: their inventory is known without asking. */
  readonly written: Set<string>
}

/** One attempt at one key, from the moment it has a worker. */
export interface Attempt<O extends Reconcilable> {
  readonly taken: Taken
  readonly abort: RunAbort
  readonly slot: Slot
  readonly reconcileId: string
  readonly startedMs: number
  /** What the run judges. Newer states of the object come from the cache. */
  stored: Stored<O>
  notes: Notes<OwnStatus<O>>
  progress: Progress
  /** The text of the newest write in mid-run. */
  said: string | undefined
  /** Writes go one after the other. Never rejects. */
  writing: Promise<unknown>
  /** Aborted when the run is over: a sign of progress that is still on its way then must not be repeated over the next run's verdict. */
  readonly over: AbortController
  /** Young: what it does will be told, if it lasts. Due: to be told once there is something to say. Told: what it does is in the status. Over: the verdict is being written. */
  phase: 'young' | 'due' | 'told' | 'over'
  /** Some write of this run reached the API server. */
  sent: boolean
  /** Failures in a row, once this run is one of them. */
  failures: number | undefined
  ticking: Timer | undefined
}

export function openAttempt<O extends Reconcilable>(runner: Runner<O>, taken: Taken, stored: Stored<O>): Attempt<O> {
  return {
    taken,
    stored,
    abort: createRunAbort(),
    slot: { held: true, parkedMs: 0, slots: runner.slots },
    reconcileId: randomUUID(),
    startedMs: runner.clock.monotonicMs(),
    notes: {},
    progress: { message: 'reconciliation in progress' },
    said: undefined,
    writing: Promise.resolve(),
    over: new AbortController(),
    phase: 'young',
    sent: false,
    failures: undefined,
    ticking: undefined,
  }
}

export type Ended<O> =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'suspended' }
  | { readonly kind: 'finalized' }
  | { readonly kind: 'unfinalized'; readonly outcome: Outcome }
  | { readonly kind: 'outcome'; readonly outcome: Outcome; readonly before: O }

/** The straight line of every run: finalizer, deletion, suspension, spec, the kind's own path. Writes no verdict but `suspended`. */
export async function runAttempt<O extends Reconcilable>(runner: Runner<O>, attempt: Attempt<O>): Promise<Ended<O>> {
  const { key } = attempt.taken
  if (attempt.stored.object.metadata.deletionTimestamp !== undefined) return finalizeAttempt(runner, attempt)
  const held = await named(runner, 'add finalizer', () => runner.writer.addFinalizer(key, attempt.stored.object, attempt.abort.critical))
  if (held === undefined) return { kind: 'nothing' }
  const stored = newest(runner, attempt)
  if (stored === undefined || stored.object.metadata.deletionTimestamp !== undefined) return { kind: 'nothing' } // its deletion wakes the key
  attempt.stored = stored
  if (isSuspended(stored.object)) {
    await writeVerdict(runner, attempt, { kind: 'suspended' })
    return { kind: 'suspended' }
  }
  return { kind: 'outcome', outcome: await reconcileAttempt(runner, attempt, stored), before: asKind(stored) }
}

async function reconcileAttempt<O extends Reconcilable>(runner: Runner<O>, attempt: Attempt<O>, stored: Stored<O>): Promise<Outcome> {
  if (!stored.ok) return stalled({ ...runner.table.invalid, message: redact(`${stored.field}: ${stored.message}`) })
  if (attempt.taken.wakeClass !== 'verification') tick(runner, attempt)
  return runner.reconcile(stored.value, createStep(runner, attempt), describeRun(runner, attempt))
}

async function finalizeAttempt<O extends Reconcilable>(runner: Runner<O>, attempt: Attempt<O>): Promise<Ended<O>> {
  const { object } = attempt.stored
  if (!object.metadata.finalizers?.includes(runner.table.finalizer)) return { kind: 'nothing' }
  const outcome = await runner.finalize(attempt.stored, createStep(runner, attempt), describeRun(runner, attempt))
  if (outcome !== 'finalized') return { kind: 'unfinalized', outcome }
  const known = newest(runner, attempt)?.object ?? object
  await named(runner, 'remove finalizer', () => runner.writer.removeFinalizer(attempt.taken.key, known, attempt.abort.critical))
  return { kind: 'finalized' }
}

/** Undefined when the object is gone. Throws KubeError. */
export function writeVerdict<O extends Reconcilable>(runner: Runner<O>, attempt: Attempt<O>, verdict: Verdict): Promise<Written | undefined> {
  const { table, clock, writer } = runner
  const { metadata } = attempt.stored.object
  const { critical } = attempt.abort
  const signal = verdict.kind === 'running' ? AbortSignal.any([critical, attempt.over.signal]) : critical
  const write = async (): Promise<Written | undefined> => {
    const known = newest(runner, attempt)
    if (known === undefined) return undefined
    const written = await writer.status(attempt.taken.key, {
      object: known.object,
      signal,
      derive: (object) =>
        deriveStatus({
          table,
          object,
          verdict,
          run: { generation: metadata.generation ?? 0, token: tokenOf(metadata) },
          notes: attempt.notes,
          now: clock.now(),
        }),
    })
    if (written?.sent) attempt.sent = true
    if (written && metadata.uid !== undefined) runner.written.add(metadata.uid)
    return written
  }
  const writeNamed = (): Promise<Written | undefined> => named(runner, `write status: ${verdict.kind}`, write)
  const next = attempt.writing.then(writeNamed, writeNamed)
  attempt.writing = next.catch(() => undefined)
  return next
}

/** Our own writes have names too, so that a fault can be injected before and after each of them. */
async function named<T>({ onStep }: { readonly onStep?: OnStep }, name: string, run: () => Promise<T>): Promise<T> {
  await onStep?.(name, 'begin')
  const ended = await run()
  await onStep?.(name, 'end')
  return ended
}

/** The object as it is known now; undefined when it is gone or replaced. */
export function newest<O extends Reconcilable>(runner: Runner<O>, attempt: Attempt<O>): Stored<O> | undefined {
  const { key } = attempt.taken
  const cached = runner.cache.get(key.namespace, key.name)
  return cached?.object.metadata.uid === attempt.stored.object.metadata.uid ? cached : undefined
}

/** A stored object as its kind, decoded or not: metadata and status read the same. */
export function asKind<O extends Reconcilable>(stored: Stored<O>): O {
  return stored.ok ? stored.value : (stored.object as unknown as O)
}

function createStep<O extends Reconcilable>(runner: Runner<O>, attempt: Attempt<O>): Step<OwnStatus<O>> {
  const { clock, telemetry, onStep, table } = runner
  const stepper: StepperOptions = { clock, telemetry, onStep, timedOut: table.timedOut, abort: attempt.abort, slot: attempt.slot }
  const inMode =
    (mode: StepMode): Step<OwnStatus<O>>['park'] =>
    (name, run, options = {}) =>
      runStep(stepper, mode, { name, run, options })
  return Object.assign(inMode('step'), {
    park: inMode('park'),
    critical: inMode('critical'),
    note: (status: Notes<OwnStatus<O>>) => void (attempt.notes = { ...attempt.notes, ...status }),
    progress(progress: string | Progress) {
      attempt.progress = typeof progress === 'string' ? { ...attempt.progress, message: progress } : progress
      if (attempt.phase === 'due') tellProgress(runner, attempt)
      else if (attempt.phase === 'told' && attempt.said !== attempt.progress.message) tick(runner, attempt)
    },
    async save(progress: string | Progress) {
      attempt.abort.signal.throwIfAborted()
      attempt.progress = typeof progress === 'string' ? { ...attempt.progress, message: progress } : progress
      attempt.said = attempt.progress.message
      await writeVerdict(runner, attempt, { kind: 'running', progress: attempt.progress })
    },
  })
}

function describeRun<O extends Reconcilable>(runner: Runner<O>, attempt: Attempt<O>): Run<O> {
  const { key, wakeClass } = attempt.taken
  let confirmed: Promise<Stored<O> | undefined> | undefined
  return {
    key,
    cause: wakeClass,
    reconcileId: attempt.reconcileId,
    token: tokenOf(attempt.stored.object.metadata),
    elapsedMs: () => runner.clock.monotonicMs() - attempt.startedMs,
    signal: attempt.abort.signal,
    confirmed: () => (confirmed ??= confirm(runner, attempt)),
  }
}

async function confirm<O extends Reconcilable>(runner: Runner<O>, attempt: Attempt<O>): Promise<Stored<O> | undefined> {
  const { uid } = attempt.stored.object.metadata
  if (uid !== undefined && runner.written.has(uid)) return newest(runner, attempt)
  const target = { resource: runner.table.kind, ...attempt.taken.key }
  const read = await runner.kube.get(target, { signal: attempt.abort.signal })
  if (read === undefined || read.metadata.uid !== uid) return undefined
  runner.cache.observe(read)
  return newest(runner, attempt)
}

function tick<O extends Reconcilable>(runner: Runner<O>, attempt: Attempt<O>): void {
  attempt.phase = 'young'
  attempt.ticking = runner.clock.timer(progressAfterMs, () => {
    if (attempt.phase !== 'young') return
    attempt.phase = 'due'
    tellProgress(runner, attempt)
  })
}

/** A source that only looks whether something moved says nothing, unless it was asked to look (contract 2.2). */
function tellProgress<O extends Reconcilable>(runner: Runner<O>, attempt: Attempt<O>): void {
  const object = asKind(attempt.stored)
  if (runner.table.running === 'source' && !isAsked(object) && !isBuilding(object, attempt.progress)) return
  if (attempt.abort.signal.aborted) return
  const isNews = attempt.said !== attempt.progress.message
  if (isNews && !runner.progressPace.take()) return tick(runner, attempt)
  attempt.phase = 'told'
  if (!isNews) return
  attempt.said = attempt.progress.message
  writeVerdict(runner, attempt, { kind: 'running', progress: attempt.progress }).catch((error: unknown) => {
    runner.telemetry.log.debug('progress not written', { ...attempt.taken.key, error })
  })
}

function isSuspended(object: KubeObject): boolean {
  const { spec } = object
  return typeof spec === 'object' && spec !== null && 'suspend' in spec && spec.suspend === true
}
