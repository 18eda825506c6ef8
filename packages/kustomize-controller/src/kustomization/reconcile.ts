import { formatDurationMs, type Kustomization } from '@weir/shared/api'
import type { Change } from '@weir/shared/apply'
import { conditionOf, isStop, ready, type Outcome, type Run, type Stop } from '@weir/shared/runtime'
import { apply, isAsked } from './apply.ts'
import { correct } from './correct.ts'
import { awaitHealth } from './health.ts'
import { record, type Chapter } from './history.ts'
import { refuseUnsupported } from './not-supported.ts'
import type { Context, Deps, KustomizationStep, Prepared } from './ports.ts'
import { prepare } from './prepare.ts'
import { refuseEmptyBuild, sweep } from './sweep.ts'

/** Makes the cluster hold what the source declares, at the revision that the source holds now. Knows no conditions. */
export async function reconcileKustomization(kustomization: Kustomization, deps: Deps, step: KustomizationStep, run: Run<Kustomization>): Promise<Outcome> {
  const owner = { namespace: run.key.namespace, name: run.key.name }
  const context: Context = { kustomization, owner, deps, step, run }
  const refused = refuseUnsupported(kustomization)
  if (refused) return refused

  const source = await step('find source', async () => deps.findSource(kustomization))
  if (isStop(source)) return source
  const blocked = await step('check dependencies', async () => deps.checkDependencies(kustomization))
  deps.memory.of(run.key).blocked = blocked !== undefined
  if (blocked) return blocked
  const prepared = await prepare(context, source)
  if (isStop(prepared)) return prepared
  const doubt = refuseEmptyBuild(kustomization, prepared)
  if (doubt) return doubt

  if (run.cause === 'drift' && isDone(context, prepared)) return correct(context, prepared)
  const applied = await apply(context, prepared)
  if (isStop(applied)) return failed(context, prepared, applied)
  const pruned = await sweep(context, prepared)
  if (isStop(pruned)) return failed(context, prepared, pruned)
  deps.announce('applied', run.key, { revision: prepared.revision, reason: 'ReconciliationSucceeded' })
  const healthy = await awaitHealth(context, prepared)
  if (isStop(healthy)) return failed(context, prepared, healthy)

  return succeeded(context, prepared, { changes: [...applied, ...pruned], holds: healthy ? [healthy] : [] })
}

interface Success {
  readonly changes: readonly Change[]
  readonly holds: Extract<Outcome, { kind: 'ready' }>['holds']
}

function succeeded(context: Context, prepared: Prepared, { changes, holds }: Success): Outcome {
  const { step } = context
  const { revision, originRevision } = prepared
  const wrote = changes.some(({ action }) => action !== 'unchanged' && action !== 'skipped')
  if (wrote || !isRecorded(context, prepared)) chronicle(context, prepared, 'ReconciliationSucceeded')
  step.note({ lastAppliedRevision: revision, lastAppliedOriginRevision: originRevision })
  return ready('ReconciliationSucceeded', `Applied revision: ${revision}`, holds)
}

const chapters: ReadonlySet<string> = new Set(['ReconciliationFailed', 'PruneFailed', 'HealthCheckFailed'])

/** A failure after the build enters the history; what could not be built or fetched does not. */
function failed(context: Context, prepared: Prepared, stop: Stop): Stop {
  if (stop.kind === 'failing' && !stop.transient && chapters.has(stop.reason)) chronicle(context, prepared, stop.reason as Chapter['status'])
  return stop
}

function chronicle({ kustomization, deps, step, run }: Context, { digest, revision, originRevision }: Prepared, status: Chapter['status']): void {
  const duration = formatDurationMs(Math.round(run.elapsedMs()))
  const now = `${deps.clock.now().toISOString().slice(0, 19)}Z`
  step.note({ history: [...record(kustomization.status?.history, { digest, status, duration, revision, originRevision, now })] })
}

/** The history's newest entry is this content, applied: a run that found nothing to do adds nothing to it. */
function isRecorded({ kustomization }: Context, { digest }: Prepared): boolean {
  const newest = kustomization.status?.history?.[0]
  return newest?.digest === digest && newest.lastReconciledStatus === 'ReconciliationSucceeded'
}

/** Applied at this very revision, generation and token, and ready: what is left to do is to correct what drifted. */
function isDone(context: Context, { revision }: Prepared): boolean {
  return conditionOf(context.kustomization, 'Ready')?.status === 'True' && !isAsked(context, revision)
}
