import { formatDurationMs, type Kustomization } from '@weir/shared/api'
import { conditionOf, isStop, ready, type Mark, type Outcome, type Stop } from '@weir/shared/runtime'
import { apply, hasWritten, isWanted } from './cluster/apply.ts'
import { correct } from './cluster/correct.ts'
import type { ResolvedSource } from './inputs/find-source.ts'
import { awaitHealth, refsToWaitFor, type Mended } from './cluster/health.ts'
import { record, type Chapter } from './history.ts'
import { refuseUnsupported } from './not-supported.ts'
import type { Applied, Context } from './ports.ts'
import { prepare } from './build/prepare.ts'
import { refuseEmptyBuild, sweep } from './cluster/sweep.ts'

/** Makes the cluster hold what the source declares, at the revision that the source holds now. Knows no conditions. */
export async function reconcileKustomization(context: Context): Promise<Outcome> {
  const { kustomization, deps, step, run } = context
  const refused = refuseUnsupported(kustomization)
  if (refused) return refused

  deps.memory.of(run.key).dropped = []
  const source = await step('find source', async () => deps.findSource(kustomization))
  deps.memory.of(run.key).attempted = isStop(source) ? undefined : { revision: source.revision, digest: source.artifact.digest }
  if (isStop(source)) return source
  const blocked = await step('check dependencies', async () => deps.checkDependencies(kustomization))
  if (blocked) return blocked

  const applied = await bringAbout(context, source)
  if (applied.kind !== 'applied') return applied
  const healthy = await awaitHealth(context, applied, () => mend(context, source, applied))
  if (isStop(healthy)) return failed(context, applied, healthy)
  return succeeded(context, applied, healthy)
}

/** Builds, applies and prunes. What it hands on holds no objects: a wait may last long, and many may wait at once. */
async function bringAbout(context: Context, source: ResolvedSource): Promise<Applied | Outcome> {
  const { kustomization, deps, run } = context
  const prepared = await prepare(context, source)
  if (isStop(prepared)) return prepared
  const doubt = refuseEmptyBuild(kustomization, prepared)
  if (doubt) return doubt
  if (run.cause === 'drift' && isDone(context, prepared.revision)) {
    const corrected = await correct(context, prepared)
    if (isStop(corrected)) return corrected
    if (corrected.kind === 'corrected') {
      if (corrected.againMs !== undefined) deps.wakeLater(run.key, corrected.againMs)
      return unchanged(kustomization, prepared.revision)
    }
    // What is refused on its own is judged by a full apply: it may recreate, and names all that is wrong.
  }

  const changes = await apply(context, prepared)
  if (isStop(changes)) return failed(context, prepared, changes)
  const swept = await sweep(context, prepared)
  if (isStop(swept)) return failed(context, prepared, swept)
  const wrote = hasWritten([...changes, ...swept.changes])
  const { revision, originRevision, digest, mask } = prepared
  if (wrote || isWanted(context, revision)) deps.announce('applied', run.key, { revision, reason: 'ReconciliationSucceeded' })
  return { kind: 'applied', revision, originRevision, digest, mask, wrote, inventory: swept.inventory, refs: refsToWaitFor(context, prepared) }
}

/** Drift within a wait: what is waited for may never become current without it. What the run has pruned by then is owned no more. */
async function mend(context: Context, source: ResolvedSource, { inventory }: Applied): Promise<Mended | Stop> {
  const prepared = await prepare(context, source)
  if (isStop(prepared)) return prepared
  const corrected = await correct(context, prepared)
  if (isStop(corrected)) return corrected
  if (corrected.kind === 'corrected') return corrected
  const applied = await apply(context, prepared, inventory)
  return isStop(applied) ? applied : { againMs: undefined }
}

function succeeded(context: Context, applied: Applied, healthy: Mark | undefined): Outcome {
  const { revision, originRevision, wrote } = applied
  if (wrote || !isRecorded(context, applied)) chronicle(context, applied, 'ReconciliationSucceeded')
  context.step.note({ lastAppliedRevision: revision, lastAppliedOriginRevision: originRevision })
  return ready('ReconciliationSucceeded', `Applied revision: ${revision}`, healthy ? [healthy] : [])
}

/** The conditions as they are: the run found the object ready, and it still is. */
function unchanged({ status }: Kustomization, revision: string): Outcome {
  const healthy = conditionOf(status === undefined ? {} : { status }, 'Healthy')
  const holds = healthy?.status === 'True' ? [{ type: 'Healthy', reason: healthy.reason, message: healthy.message }] : []
  return ready('ReconciliationSucceeded', `Applied revision: ${revision}`, holds)
}

type Built = Pick<Applied, 'digest' | 'revision' | 'originRevision'>

const chapters: ReadonlySet<string> = new Set(['ReconciliationFailed', 'PruneFailed', 'HealthCheckFailed'])

/** A failure after the build enters the history; what could not be built or fetched does not. */
function failed(context: Context, built: Built, stop: Stop): Stop {
  if (stop.kind === 'failing' && !stop.transient && chapters.has(stop.reason)) chronicle(context, built, stop.reason as Chapter['status'])
  return stop
}

function chronicle({ kustomization, deps, step, run }: Context, { digest, revision, originRevision }: Built, status: Chapter['status']): void {
  const duration = formatDurationMs(Math.round(run.elapsedMs()))
  const now = `${deps.clock.now().toISOString().slice(0, 19)}Z`
  step.note({ history: [...record(kustomization.status?.history, { digest, status, duration, revision, originRevision, now })] })
}

/** The history's newest entry is this content, applied: a run that found nothing to do adds nothing to it. */
function isRecorded({ kustomization }: Context, { digest }: Built): boolean {
  const newest = kustomization.status?.history?.[0]
  return newest?.digest === digest && newest.lastReconciledStatus === 'ReconciliationSucceeded'
}

/** Applied at this very revision, generation and token, and ready: what is left to do is to correct what drifted. */
function isDone(context: Context, revision: string): boolean {
  return conditionOf(context.kustomization, 'Ready')?.status === 'True' && !isWanted(context, revision)
}
