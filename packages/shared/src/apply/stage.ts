import { compareForApply, inventoryId, showObject } from '@weir/shared/manifest'
import type { ObjectRef } from '@weir/shared/manifest'
import { ApplyError } from './apply-error.ts'
import type { ApplyContext } from './apply-set.ts'
import type { Change } from './change.ts'
import type { Desired } from './declare.ts'
import { findEntry } from './live/state.ts'
import type { Stage } from './stages.ts'
import { waitUntilCurrent } from './wait.ts'
import { judgeByDryRun, judgeKnown } from './write/judge.ts'
import { fulfilled, rejected, settleAll } from './write/parallel.ts'
import { awaitServed } from './write/served.ts'
import { writeObject } from './write/write-object.ts'
import type { Judged } from './write/write-object.ts'
import { toSubject } from './write/writing.ts'

/** The bound of contract 4.8 for what later stages need. */
const stageWaitMs = 60_000

export interface StageOptions {
  /** Objects that the live set knows are written without a dry run: their apply is the test. */
  readonly trustsLiveSet: boolean
  readonly signal: AbortSignal
}

/** Tests all objects of a stage, then writes them, then waits for them if later stages need them. */
export async function applyStage(context: ApplyContext, stage: Stage<Desired>, options: StageOptions): Promise<readonly Change[]> {
  const ranks = await judgeStage(context, stage, options)
  const writes = ranks.flat().some(({ verdict }) => verdict.kind !== 'skip')
  if (writes) await context.beforeWrite()
  const writing = stage.waits ? { ...context, waits: true } : context
  const changes = await context.running.critical(`apply ${stage.name}`, (signal) => writeRanks(writing, ranks, signal))
  if (stage.waits && writes) await awaitStage(context, stage.ranks.flat(), changes)
  return changes
}

async function judgeStage(context: ApplyContext, stage: Stage<Desired>, { trustsLiveSet, signal }: StageOptions): Promise<readonly (readonly Judged[])[]> {
  const all = stage.ranks.flat()
  const results = await settleAll(all, context.concurrency, async (desired): Promise<Judged> => {
    const subject = await toSubject(context, desired, signal)
    const known = trustsLiveSet ? judgeKnown(context, subject) : undefined
    return { subject, verdict: known ?? (await judgeByDryRun(context, subject, signal)) }
  })
  signal.throwIfAborted()
  throwFirst(rejected(results), [])
  const judged = new Map(fulfilled(results).map((at) => [at.subject.desired, at]))
  return stage.ranks.map((rank) => rank.flatMap((desired) => judged.get(desired) ?? []))
}

async function writeRanks(context: ApplyContext, ranks: readonly (readonly Judged[])[], signal: AbortSignal): Promise<readonly Change[]> {
  const changes: Change[] = []
  for (const rank of ranks) {
    const results = await settleAll(rank, context.concurrency, (judged) => writeObject(context, judged, signal))
    changes.push(...fulfilled(results))
    signal.throwIfAborted()
    throwFirst(rejected(results), changes)
  }
  return changes
}

/**
 * One error for all that was refused, so that a person can mend all of it at once; in the order of an apply, so that the
 * message is the same at the next try. Trouble with the API server hides nothing about objects: refusals come first.
 */
function throwFirst(errors: readonly unknown[], changes: readonly Change[]): void {
  const bugs = errors.filter((error) => !(error instanceof ApplyError))
  if (bugs.length > 0) throw bugs[0]
  const known = errors.filter((error) => error instanceof ApplyError)
  const refusals = known.filter(({ code }) => code !== 'unreachable').toSorted(byFirstRef)
  const [first] = refusals.length > 0 ? refusals : known.toSorted(byFirstRef)
  if (first === undefined) return
  const told = refusals.length > 0 ? refusals : [first]
  const refs = told.flatMap((error) => error.refs)
  const message = told.map((error) => error.message).join('\n')
  throw new ApplyError(message, { code: first.code, refs, changes, cause: first.cause, ...(first.retryAfterMs !== undefined && { retryAfterMs: first.retryAfterMs }) })
}

function byFirstRef(a: ApplyError, b: ApplyError): number {
  const [left] = a.refs
  const [right] = b.refs
  return left === undefined || right === undefined ? 0 : compareForApply(left, right)
}

/** Later stages need these: definitions must be served, namespaces and classes be there. */
async function awaitStage(context: ApplyContext, desired: readonly Desired[], changes: readonly Change[]): Promise<void> {
  const written = changes.filter(({ action }) => action === 'created' || action === 'configured').map(({ ref }) => ref)
  const refs = written.filter((ref) => findEntry(context.state, context.holderKey, inventoryId(ref))?.health.status !== 'Current')
  if (refs.length > 0) await awaitCurrent(context, refs, changes)
  const definitions = desired.filter(({ ref }) => ref.kind === 'CustomResourceDefinition' && written.includes(ref))
  if (definitions.length > 0) await context.running.park('wait for discovery', (signal) => awaitServed(context.kube, definitions, signal))
}

async function awaitCurrent({ running, live, owner, state, holderKey }: ApplyContext, refs: readonly ObjectRef[], changes: readonly Change[]): Promise<void> {
  const before = state.holders.get(holderKey)?.waitsFor ?? []
  const ids = refs.map(inventoryId)
  live.hold(owner, [], { waitsFor: before === 'all' ? 'all' : [...before, ...ids] })
  try {
    const verdict = await running.park('wait for stage', (signal) => waitUntilCurrent({ live, owner, refs, timeoutMs: stageWaitMs, failFast: true, signal }))
    if (verdict.kind === 'current') return
    const messages = verdict.objects.filter(({ message }) => message !== '').map(({ ref, message }) => `${showObject(ref)}: ${message}`)
    throw new ApplyError([verdict.message, ...messages.toSorted()].join('\n'), { code: 'not-current', refs: verdict.objects.map(({ ref }) => ref), changes })
  } finally {
    live.hold(owner, [], { waitsFor: before === 'all' ? 'all' : [...before] })
  }
}
