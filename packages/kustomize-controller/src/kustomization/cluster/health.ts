import { formatDurationMs, kustomizationKind } from '@weir/shared/api'
import { waitUntilCurrent, type Desired, type WaitVerdict } from '@weir/shared/apply'
import { inventoryId, parseApiVersion, type ObjectRef } from '@weir/shared/manifest'
import { conditionOf, failing, isStop, type Clock, type Mark, type Progress, type Stop, type Timer } from '@weir/shared/runtime'
import type { Applied, Context, Prepared } from '../ports.ts'
import { timeoutMs } from '../timing.ts'

/** What was left for a while because it was corrected a moment ago. */
export interface Mended {
  readonly againMs: number | undefined
}

/**
 * Waits until what the object asks to wait for is current. The fact that holds then; undefined: there was nothing to wait for.
 * Drift ends no wait: `mend` corrects it, and the wait goes on for the rest of its time.
 */
export async function awaitHealth(context: Context, { refs, revision, mask }: Applied, mend: () => Promise<Mended | Stop>): Promise<Mark | Stop | undefined> {
  const { kustomization, deps, run } = context
  const remembered = deps.memory.of(run.key)
  remembered.unhealthy = false
  if (refs.length === 0) return undefined
  const timeout = timeoutMs(kustomization)
  const progress = { message: `Running health checks for revision ${revision} with a timeout of ${formatDurationMs(timeout)}`, checks: ['Healthy'] }
  const bell = createBell(deps.clock, deps.live.suspects(context.owner).length > 0)
  remembered.interrupt = bell.ring
  try {
    const verdict = await waitThroughDrift(context, { refs, progress, bell, mend, endMs: deps.clock.monotonicMs() + timeout })
    if (isStop(verdict)) return verdict
    if (verdict.kind === 'current') return healthy(context, revision)
    return unhealthy(mask(verdict.message), timeout)
  } finally {
    remembered.interrupt = undefined
    bell.silence()
  }
}

interface Wait {
  readonly refs: readonly ObjectRef[]
  readonly progress: Progress
  readonly bell: Bell
  mend(): Promise<Mended | Stop>
  readonly endMs: number
}

async function waitThroughDrift(context: Context, wait: Wait): Promise<WaitVerdict | Stop> {
  for (;;) {
    const mended = wait.bell.hasRung() ? await wait.mend() : undefined
    if (isStop(mended)) return mended
    if (mended?.againMs !== undefined) wait.bell.ringAfter(mended.againMs)
    context.step.progress(wait.progress) // what it did to correct drift is done
    const verdict = await context.step.park('wait for health', (signal) => waitOnce(context, wait, signal))
    if (verdict !== 'drifted') return verdict
  }
}

async function waitOnce({ deps, owner, run }: Context, { refs, bell, endMs }: Wait, signal: AbortSignal): Promise<WaitVerdict | 'drifted'> {
  const { failFast } = deps.rules
  // At once, and not when the run has a worker again to say so: what becomes current from here on wakes the object.
  const onVerdict = ({ kind }: WaitVerdict): void => {
    if (kind !== 'current') deps.memory.of(run.key).unhealthy = true
  }
  const drift = new AbortController()
  bell.listen(drift)
  const timeoutLeftMs = Math.max(0, endMs - deps.clock.monotonicMs())
  try {
    return await waitUntilCurrent({ live: deps.live, owner, refs, timeoutMs: timeoutLeftMs, failFast, onVerdict, signal: AbortSignal.any([signal, drift.signal]) })
  } catch (error) {
    signal.throwIfAborted()
    if (!drift.signal.aborted) throw error
    return 'drifted'
  }
}

/** Rung by drift, whether somebody listens or not. */
interface Bell {
  ring(): void
  ringAfter(ms: number): void
  /** Whether it was rung since it was asked last. */
  hasRung(): boolean
  /** Aborts `listener` when it rings, at once if it has rung. */
  listen(listener: AbortController): void
  silence(): void
}

function createBell(clock: Clock, isRung: boolean): Bell {
  const state: { isRung: boolean; listener?: AbortController; later?: Timer } = { isRung }
  const ring = (): void => {
    state.isRung = true
    state.listener?.abort()
  }
  return {
    ring,
    ringAfter(ms) {
      state.later?.cancel()
      state.later = clock.timer(ms, ring)
    },
    hasRung() {
      const { isRung: was } = state
      state.isRung = false
      return was
    },
    listen(listener) {
      state.listener = listener
      if (state.isRung) listener.abort()
    },
    silence: () => state.later?.cancel(),
  }
}

/** What was said of this revision stays, be it in the words of Flux, which measure the time: an unchanged state is an unchanged status. */
function healthy({ kustomization }: Context, revision: string): Mark {
  const said = kustomization.status?.lastAppliedRevision === revision ? conditionOf(kustomization, 'Healthy') : undefined
  const message = said?.status === 'True' && said.reason === 'Succeeded' ? said.message : 'Health check passed'
  return { type: 'Healthy', reason: 'Succeeded', message }
}

/** The text names the configured timeout and no measured time: the same failure is the same status. */
function unhealthy(message: string, timeout: number): Stop {
  return failing({
    reason: 'HealthCheckFailed',
    message: `health check failed after ${formatDurationMs(timeout)}: ${message}`,
    blames: 'Healthy',
    blamesMessage: message,
  })
}

/** Everything applied with `wait`, else the listed objects; never the Kustomization itself, which is not ready while it waits. */
export function refsToWaitFor({ kustomization }: Pick<Context, 'kustomization'>, { desired }: Pick<Prepared, 'desired'>): readonly ObjectRef[] {
  const { metadata, spec } = kustomization
  const refs = spec.wait === true ? desired.map(({ ref }) => ref) : asApplied(listedRefs(spec.healthChecks ?? [], metadata.namespace ?? ''), desired)
  return refs.filter(({ group, kind, namespace, name }) => !(group === kustomizationKind.group && kind === kustomizationKind.kind && namespace === metadata.namespace && name === metadata.name))
}

/** What is listed without a namespace may be an object of ours that has none. */
function asApplied(refs: readonly ObjectRef[], desired: readonly Desired[]): readonly ObjectRef[] {
  const applied = new Map(desired.map(({ ref }) => [inventoryId(ref), ref]))
  return refs.map((ref) => applied.get(inventoryId(ref)) ?? applied.get(inventoryId({ ...ref, namespace: '' })) ?? ref)
}

type HealthCheck = NonNullable<Context['kustomization']['spec']['healthChecks']>[number]

/** `spec.healthChecks` as references; without an apiVersion it is `apps/v1`. */
export function listedRefs(checks: readonly HealthCheck[], ownNamespace: string): readonly ObjectRef[] {
  return checks.map(({ apiVersion, kind, name, namespace }) => ({ ...parseApiVersion(apiVersion || 'apps/v1'), kind, name, namespace: namespace || ownNamespace }))
}
