import { apiVersionOf } from '@weir/shared/api'
import { redact, type Log } from '@weir/shared/telemetry'
import { failingTransiently, type Outcome } from './outcome.ts'
import type { EventMoment, KindEvent, Reconcilable } from './kind-table.ts'
import type { Queue } from './queue/queue.ts'
import { backoffMs, readThrown, requeueMs, transientMs, troubleGraceMs, type Thrown } from './retry.ts'
import type { RunMetrics, RunResult } from './run-metrics.ts'
import { asKind, newest, writeVerdict, type Attempt, type Ended, type Runner } from './run.ts'
import type { AbortReason } from './step.ts'
import { conditionOf, isAsked, isReady, isRecovery } from './summary.ts'
import { textOf, type Key } from './wake.ts'

/** What the end of a run does to status, queue, events, metrics and log. */
export interface Finish<O extends Reconcilable> {
  ended(attempt: Attempt<O>, ended: Ended<O>): Promise<void>
  threw(attempt: Attempt<O>, error: unknown): Promise<void>
  forget(key: Key): void
}

export interface FinishOptions<O extends Reconcilable> {
  readonly runner: Runner<O>
  readonly queue: Queue
  readonly metrics: RunMetrics
}

interface Context<O extends Reconcilable> extends FinishOptions<O> {
  /** Since when a key has trouble that is no fact about it, monotonic. */
  readonly troubles: Map<string, number>
}

export function createFinish<O extends Reconcilable>(options: FinishOptions<O>): Finish<O> {
  const context: Context<O> = { ...options, troubles: new Map() }
  return {
    async ended(attempt, ended) {
      if (ended.kind === 'outcome' && isPassing(context, attempt, ended.outcome)) return lookAgain(context, attempt, ended.outcome)
      await finishEnded(context, attempt, ended)
      context.troubles.delete(textOf(attempt.taken.key))
    },
    threw: (attempt, error) => finishThrown(context, attempt, error),
    forget: (key) => void context.troubles.delete(textOf(key)),
  }
}

async function finishEnded<O extends Reconcilable>(context: Context<O>, attempt: Attempt<O>, ended: Ended<O>): Promise<void> {
  const { key } = attempt.taken
  switch (ended.kind) {
    case 'nothing':
    case 'suspended':
      context.queue.succeeded(key)
      return count(context, attempt, 'success')
    case 'finalized':
      logOf(context, attempt).info('finalized')
      return
    case 'unfinalized':
      return settleFinalizer(context, attempt, ended.outcome)
    case 'outcome':
      return settle(context, attempt, ended)
  }
}

/** A ready object of which nothing is asked stays as it is for a minute, unless its run has said otherwise by now. */
function isPassing<O extends Reconcilable>(context: Context<O>, attempt: Attempt<O>, outcome: Outcome): boolean {
  if (outcome.kind === 'ready' || outcome.passing !== true || attempt.said !== undefined) return false
  const object = asKind(newest(context.runner, attempt) ?? attempt.stored)
  return isReady(object) && !isAsked(object) && isTroubleFresh(context, attempt)
}

/** As if the run had not been: in its own class, soon. */
function lookAgain<O extends Reconcilable>(context: Context<O>, attempt: Attempt<O>, { reason, message }: Outcome): void {
  const { runner, queue, metrics } = context
  const { key, wakeClass } = attempt.taken
  quieten(attempt)
  logOf(context, attempt).info('still ready', { reason, reconcileMessage: message })
  queue.add(key, wakeClass, { afterMs: ownRetryMs(context, attempt) })
  metrics.ended(key, 'requeue_after', runner.clock.monotonicMs() - attempt.startedMs)
}

/** Failures are told, then the status is written, then what was done is told, then the next run is planned. */
async function settle<O extends Reconcilable>(context: Context<O>, attempt: Attempt<O>, end: { readonly outcome: Outcome; readonly before: O }): Promise<void> {
  const { runner, queue } = context
  const { outcome, before } = end
  const { key } = attempt.taken
  quieten(attempt)
  const nextMs = planAfter(context, attempt, outcome)
  const recovered = outcome.kind === 'ready' && isRecovery(runner.table, before)
  const durationMs = runner.clock.monotonicMs() - attempt.startedMs
  const moment: EventMoment<O> = { before, outcome, recovered, durationMs, nextMs, notes: attempt.notes as EventMoment<O>['notes'] }
  const events = runner.table.events?.(moment) ?? warningOf(outcome)
  tell(context, attempt, eventsOf(events, 'before'))
  const written = await writeVerdict(runner, attempt, outcome)
  count(context, attempt, resultOf(outcome))
  if (written === undefined) return // gone: nobody is left to tell
  const after = asKind(newest(runner, attempt) ?? attempt.stored)
  tell(context, attempt, eventsOf(events, 'after'))
  logEnd(context, attempt, { outcome, before, after })
  if (nextMs !== undefined) queue.plan(key, nextMs)
  runner.settled?.({ key, before, after, outcome, notes: attempt.notes, wrote: attempt.sent, recovered, durationMs })
}

/** Conditions stay as found while trying again may help (contract 4.9); a stall has to be said. */
async function settleFinalizer<O extends Reconcilable>(context: Context<O>, attempt: Attempt<O>, outcome: Outcome): Promise<void> {
  quieten(attempt)
  const nextMs = planAfter(context, attempt, outcome)
  tell(context, attempt, warningOf(outcome))
  if (outcome.kind === 'stalled') await writeVerdict(context.runner, attempt, outcome)
  else if (hasNotes(attempt)) await writeVerdict(context.runner, attempt, { kind: 'unfinished' })
  count(context, attempt, resultOf(outcome))
  logOf(context, attempt).warn('not finalized', { reason: outcome.reason, reconcileMessage: outcome.message })
  if (nextMs !== undefined) context.queue.plan(attempt.taken.key, nextMs)
}

async function finishThrown<O extends Reconcilable>(context: Context<O>, attempt: Attempt<O>, error: unknown): Promise<void> {
  const thrown = readThrown(error, attempt.abort.signal)
  if (thrown.kind === 'aborted') return finishAborted(context, attempt, thrown.why)
  const tellable = attempt.phase !== 'over' && attempt.stored.object.metadata.deletionTimestamp === undefined
  if (thrown.kind === 'trouble' && thrown.overloaded) context.runner.limit.overloaded()
  const patient = thrown.kind === 'trouble' && isTroubleFresh(context, attempt)
  logThrown(context, attempt, thrown)
  if (!tellable || patient) return tryAgain(context, attempt, thrown)
  const outcome = failingTransiently({ ...context.runner.table.failed, message: messageOf(thrown) })
  await settle(context, attempt, { outcome, before: asKind(attempt.stored) }).catch((again: unknown) => {
    logOf(context, attempt).warn('status not written', { error: again })
    tryAgain(context, attempt, thrown)
  })
}

/** Superseded: the key is queued already. Shutdown: what was noted is kept. Lost lease: nothing may be written. */
async function finishAborted<O extends Reconcilable>(context: Context<O>, attempt: Attempt<O>, why: AbortReason): Promise<void> {
  quieten(attempt)
  logOf(context, attempt).debug('run ended early', { why })
  if (why !== 'shutdown' || !hasNotes(attempt)) return
  await writeVerdict(context.runner, attempt, { kind: 'unfinished' }).catch((error: unknown) => {
    logOf(context, attempt).warn('notes not written', { error })
  })
}

function tryAgain<O extends Reconcilable>(context: Context<O>, attempt: Attempt<O>, thrown: Thrown): void {
  const { runner, queue, metrics } = context
  const { key } = attempt.taken
  quieten(attempt)
  const leastMs = thrown.kind === 'trouble' ? (thrown.retryAfterMs ?? 0) : 0
  queue.plan(key, Math.max(leastMs, ownRetryMs(context, attempt)))
  metrics.ended(key, 'error', runner.clock.monotonicMs() - attempt.startedMs)
}

/** The backoff of one more failure. */
function ownRetryMs<O extends Reconcilable>(context: Context<O>, attempt: Attempt<O>): number {
  const { runner } = context
  const failure = { failures: countFailure(context, attempt), retry: runner.retry }
  const known = newest(runner, attempt) ?? attempt.stored
  return known.ok ? transientMs(runner.table, known.value, failure) : backoffMs(failure.failures, failure.retry)
}

/** The API server, or the artifact of what is applied, has been away for less than a minute: an outage, not a fact about this object. */
function isTroubleFresh<O extends Reconcilable>({ runner, troubles }: Context<O>, attempt: Attempt<O>): boolean {
  const text = textOf(attempt.taken.key)
  const sinceMs = troubles.get(text) ?? runner.clock.monotonicMs()
  troubles.set(text, sinceMs)
  return runner.clock.monotonicMs() - sinceMs < troubleGraceMs
}

/** Counts failures in a row and says when the next run is due. */
function planAfter<O extends Reconcilable>(context: Context<O>, attempt: Attempt<O>, outcome: Outcome): number | undefined {
  const { runner, queue } = context
  const { key } = attempt.taken
  const { table, retry, jitterPercent } = runner
  if (outcome.kind !== 'failing') queue.succeeded(key)
  const failures = outcome.kind === 'failing' ? countFailure(context, attempt) : 0
  const known = newest(runner, attempt) ?? attempt.stored
  if (!known.ok) return outcome.kind === 'stalled' ? undefined : backoffMs(failures, retry) // its durations cannot be read
  return requeueMs(table, known.value, { outcome, failures, retry, jitterPercent, random: (runner.random ?? Math.random)() })
}

/** A run is one failure, also when its verdict could not be written. */
function countFailure<O extends Reconcilable>({ queue }: Context<O>, attempt: Attempt<O>): number {
  attempt.failures ??= queue.failed(attempt.taken.key)
  return attempt.failures
}

function warningOf(outcome: Outcome): readonly KindEvent[] {
  if (outcome.kind !== 'failing' && outcome.kind !== 'stalled') return []
  return [{ when: 'before', type: 'Warning', reason: outcome.reason, message: outcome.message }]
}

function eventsOf(events: readonly KindEvent[], when: KindEvent['when']): readonly KindEvent[] {
  return events.filter((event) => event.when === when)
}

function tell<O extends Reconcilable>({ runner }: Context<O>, attempt: Attempt<O>, events: readonly KindEvent[]): void {
  const { kind } = runner.table
  const { metadata } = attempt.stored.object
  const object = { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata }
  for (const { when: _, ...event } of events) runner.recorder.record({ ...event, object })
}

function count<O extends Reconcilable>({ runner, metrics }: Context<O>, attempt: Attempt<O>, result: RunResult): void {
  if (newest(runner, attempt) === undefined) return // its series are dropped
  const durationMs = runner.clock.monotonicMs() - attempt.startedMs
  metrics.ended(attempt.taken.key, result, durationMs)
  runner.limit.observe(durationMs - attempt.slot.parkedMs, runner.slots.taken())
}

function resultOf(outcome: Outcome): RunResult {
  switch (outcome.kind) {
    case 'ready':
    case 'waiting':
      return 'requeue_after'
    case 'failing':
      return 'error'
    case 'stalled':
      return 'success'
  }
}

/** No progress is told any more: the verdict comes next. */
function quieten<O extends Reconcilable>(attempt: Attempt<O>): void {
  attempt.phase = 'over'
  attempt.ticking?.cancel()
}

function hasNotes<O extends Reconcilable>(attempt: Attempt<O>): boolean {
  return Object.keys(attempt.notes).length > 0
}

function messageOf(thrown: Exclude<Thrown, { kind: 'aborted' }>): string {
  switch (thrown.kind) {
    case 'trouble':
    case 'refused':
      return redact(thrown.message)
    case 'bug':
      return redact(`internal error: ${thrown.error instanceof Error ? thrown.error.message : String(thrown.error)}`)
  }
}

function logOf<O extends Reconcilable>({ runner }: Context<O>, attempt: Attempt<O>): Log {
  const { kind } = runner.table
  return runner.telemetry.log.with({
    controller: kind.kind.toLowerCase(),
    controllerGroup: kind.group,
    controllerKind: kind.kind,
    ...attempt.taken.key,
    reconcileID: attempt.reconcileId,
  })
}

function logThrown<O extends Reconcilable>(context: Context<O>, attempt: Attempt<O>, thrown: Exclude<Thrown, { kind: 'aborted' }>): void {
  const log = logOf(context, attempt)
  if (thrown.kind === 'trouble') log.debug('API server not reached', { error: thrown.message })
  else log.error('run threw', { error: thrown.kind === 'bug' ? thrown.error : thrown.message, ...(thrown.kind === 'bug' ? stackOf(thrown.error) : {}) })
}

function stackOf(error: unknown): { readonly stack?: string } {
  return error instanceof Error && error.stack !== undefined ? { stack: error.stack } : {}
}

interface Told<O> {
  readonly outcome: Outcome
  readonly before: O
  readonly after: O
}

/** At info only what is new: the same end of the same state says nothing. */
function logEnd<O extends Reconcilable>(context: Context<O>, attempt: Attempt<O>, { outcome, before, after }: Told<O>): void {
  const log = logOf(context, attempt)
  const isNew = readyText(before) !== readyText(after)
  const fields = { outcome: outcome.kind, reason: outcome.reason, conditionMessage: outcome.message, cause: attempt.taken.wakeClass }
  if (!isNew && !(outcome.kind === 'ready' && attempt.sent)) return log.debug('reconciled, nothing changed', fields)
  if (outcome.kind === 'failing' || outcome.kind === 'stalled') return log.error('reconcile failed', fields)
  log.info('reconciled', fields)
}

function readyText(object: Reconcilable): string {
  const { status, reason, message } = conditionOf(object, 'Ready') ?? {}
  return `${status} ${reason} ${message}`
}
