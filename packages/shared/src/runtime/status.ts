import { conditionTypes, maxConditionMessageBytes, type Condition, type ConditionStatus } from '@weir/shared/api'
import type { KindTable, Notes, OwnStatus, Progress, Reconcilable, StatusCore } from './kind-table.ts'
import type { Mark, Outcome, Ready, Stop } from './outcome.ts'
import { conditionOf, summarise } from './summary.ts'

const { ready, reconciling, stalled } = conditionTypes
const progressing = 'Progressing'
const progressingWithRetry = 'ProgressingWithRetry'

/** What a status is derived from. */
export type Verdict =
  | Outcome
  | { readonly kind: 'running'; readonly progress: Progress }
  | { readonly kind: 'suspended' }
  /** The run ended by shutdown: what was noted is kept, the conditions stay as found. */
  | { readonly kind: 'unfinished' }

export interface StatusInput<O extends Reconcilable> {
  readonly table: KindTable<O>
  /** The newest known state: foreign conditions and unchanged fields are taken from here. */
  readonly object: O
  /** What the run began with; an object that changed since is judged by the next run. */
  readonly run: { readonly generation: number; readonly token: string | undefined }
  readonly verdict: Verdict
  readonly notes: Notes<OwnStatus<O>>
  readonly now: Date
}

/** The next status of an object: the one place where conditions, observedGeneration and the token's echo come from. */
export function deriveStatus<O extends Reconcilable>(input: StatusInput<O>): NonNullable<O['status']> {
  const { table, object, run, verdict, notes, now } = input
  const ledger = openLedger(object, run.generation, now)
  applyVerdict({ table, object, ledger }, verdict)
  const core: StatusCore = {
    ...(observes(table, object, verdict) ? { observedGeneration: run.generation } : {}),
    ...(echoes(verdict) && run.token !== undefined ? { lastHandledReconcileAt: run.token } : {}),
    ...(ledger.list().length > 0 || object.status?.conditions ? { conditions: ledger.list() } : {}),
  }
  const noted = table.amend?.(notes, object) ?? notes
  return withoutAbsent({ ...object.status, ...noted, ...core }) as NonNullable<O['status']>
}

/** What the rows below work on. */
interface Draft<O extends Reconcilable> {
  readonly table: KindTable<O>
  readonly object: O
  readonly ledger: Ledger
}

function applyVerdict<O extends Reconcilable>(draft: Draft<O>, verdict: Verdict): void {
  switch (verdict.kind) {
    case 'running':
      return applyRunning(draft, verdict.progress)
    case 'ready':
      return applyReady(draft, verdict)
    case 'waiting':
    case 'failing':
    case 'stalled':
      return applyStop(draft, verdict)
    case 'suspended':
      return applySuspended(draft)
    case 'unfinished':
      return
  }
}

function applyRunning<O extends Reconcilable>({ table, object, ledger }: Draft<O>, progress: Progress): void {
  for (const mark of progress.raises ?? []) ledger.put(known(table, mark.type), 'True', mark)
  for (const type of progress.drops ?? []) ledger.drop(known(table, type))
  for (const type of progress.checks ?? []) ledger.put(known(table, type), 'Unknown', { reason: progressing, message: progress.message })
  ledger.drop(stalled)
  ledger.put(reconciling, 'True', { reason: progressing, message: progress.message })
  if (table.running === 'unknown') {
    ledger.put(ready, 'Unknown', { reason: progressing, message: 'Reconciliation in progress' })
    return
  }
  if (isBuilding(object, progress)) ledger.put(ready, 'Unknown', { reason: progressing, message: progress.message })
}

/** A source's Ready is in doubt while its artifact is, and when nothing was known anyway. */
export function isBuilding(object: Reconcilable, progress: Progress): boolean {
  const before = conditionOf(object, ready)?.status
  return before === undefined || before === 'Unknown' || Boolean(progress.raises?.length) || Boolean(progress.drops?.length)
}

function applyReady<O extends Reconcilable>({ table, ledger }: Draft<O>, outcome: Ready): void {
  const holds = new Map(outcome.holds.map((held) => [typeof held === 'string' ? held : held.type, held] as const))
  for (const type of holds.keys()) knownFact(table, type)
  for (const [type, rule] of Object.entries(table.facts)) {
    const held = holds.get(type)
    if (held === undefined) ledger.drop(type)
    else ledger.put(type, 'True', typeof held === 'string' ? { reason: rule.reason ?? outcome.reason, message: rule.message ?? outcome.message } : held)
  }
  for (const type of Object.keys(table.faults)) ledger.drop(type)
  ledger.drop(stalled)
  ledger.drop(reconciling)
  ledger.put(ready, 'True', outcome)
}

function applyStop<O extends Reconcilable>({ table, ledger }: Draft<O>, stop: Stop): void {
  for (const [type, rule] of Object.entries(table.faults)) {
    if (rule.until === 'verdict' && type !== stop.blames) ledger.drop(type)
  }
  if (stop.blames !== undefined) {
    const text = { reason: stop.reason, message: stop.blamesMessage ?? stop.message }
    ledger.put(known(table, stop.blames), stop.blames in table.faults ? 'True' : 'False', text)
  }
  if (stop.kind === 'stalled') {
    ledger.drop(reconciling)
    ledger.put(stalled, 'True', stop)
  } else {
    ledger.drop(stalled)
    ledger.put(reconciling, 'True', { reason: progressingWithRetry, message: stop.message })
  }
  const summary = stop.blames === undefined ? undefined : summarise(table, ledger.list())
  ledger.put(ready, 'False', summary?.status === 'False' ? summary : stop)
}

function applySuspended<O extends Reconcilable>({ table, object, ledger }: Draft<O>): void {
  if (table.suspended.dropsStalled) ledger.drop(stalled)
  const wasReady = conditionOf(object, ready)
  const leftOver = conditionOf(object, reconciling)
  if (wasReady?.status === 'True') ledger.drop(reconciling)
  else if (leftOver && table.suspended.dropsStalled) ledger.put(reconciling, 'True', { reason: progressingWithRetry, message: leftOver.message })
  if (table.suspended.observes === 'if-ready') return // Ready keeps its own observedGeneration too
  const summary = wasReady === undefined || wasReady.status === 'Unknown' ? summarise(table, ledger.list()) : wasReady
  if (summary) ledger.put(ready, summary.status, summary)
}

function observes<O extends Reconcilable>(table: KindTable<O>, object: O, verdict: Verdict): boolean {
  switch (verdict.kind) {
    case 'ready':
    case 'stalled':
      return true
    case 'suspended':
      return table.suspended.observes === 'always' || conditionOf(object, ready)?.status === 'True'
    case 'running':
    case 'waiting':
    case 'failing':
    case 'unfinished':
      return false
  }
}

/** Together with conditions and observedGeneration, never before the result is visible (contract 1.13). */
function echoes(verdict: Verdict): boolean {
  return verdict.kind !== 'running' && verdict.kind !== 'unfinished'
}

/** A word that is not in the table is a bug in the kind: told loudly, not written to the cluster. */
function known<O extends Reconcilable>(table: KindTable<O>, type: string): string {
  return type in table.faults ? type : knownFact(table, type)
}

function knownFact<O extends Reconcilable>(table: KindTable<O>, type: string): string {
  if (type in table.facts) return type
  throw new Error(`condition ${type} is not in the vocabulary of ${table.kind.kind}`)
}

/** The conditions of one object while they are derived. */
interface Ledger {
  put(type: string, status: ConditionStatus, text: Omit<Mark, 'type'>): void
  drop(type: string): void
  /** In the stored order: Stalled, Reconciling, Ready, then the newest observed generation, then by type. */
  list(): readonly Condition[]
}

function openLedger(object: Reconcilable, generation: number, now: Date): Ledger {
  const entries = new Map((object.status?.conditions ?? []).map((condition) => [condition.type, condition]))
  return {
    put(type, status, text) {
      const before = entries.get(type)
      const message = truncate(text.message)
      const moved = before?.status !== status || before.reason !== text.reason || before.message !== message
      const lastTransitionTime = before && !moved ? before.lastTransitionTime : wholeSeconds(now)
      // The mint: the only place where a Condition comes into being.
      entries.set(type, { type, status, reason: text.reason, message, lastTransitionTime, observedGeneration: generation } as Condition)
    },
    drop: (type) => void entries.delete(type),
    list: () => [...entries.values()].sort(byStoredOrder),
  }
}

const leading: readonly string[] = [stalled, reconciling, ready]

function byStoredOrder(a: Condition, b: Condition): number {
  const position = (condition: Condition): number => (leading.includes(condition.type) ? leading.indexOf(condition.type) : leading.length)
  return position(a) - position(b) || (b.observedGeneration ?? 0) - (a.observedGeneration ?? 0) || (a.type < b.type ? -1 : 1)
}

function truncate(message: string): string {
  if (Buffer.byteLength(message) <= maxConditionMessageBytes) return message
  // A cut inside a character decodes to U+FFFD at the end, which goes too.
  const kept = Buffer.from(message).subarray(0, maxConditionMessageBytes - 3).toString()
  return `${kept.replace(/\uFFFD+$/, '')}...`
}

/** RFC 3339 in UTC without fractions, as metav1.Time is written. */
function wholeSeconds(now: Date): string {
  return `${now.toISOString().slice(0, 19)}Z`
}

function withoutAbsent(status: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(status).filter(([, value]) => value !== undefined))
}
