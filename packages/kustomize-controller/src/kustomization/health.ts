import { formatDurationMs, kustomizationKind } from '@weir/shared/api'
import { waitUntilCurrent, type Desired, type WaitVerdict } from '@weir/shared/apply'
import { inventoryId, parseApiVersion, type ObjectRef } from '@weir/shared/manifest'
import { failing, isStop, type Mark, type Stop } from '@weir/shared/runtime'
import type { Applied, Context, Prepared } from './ports.ts'
import { timeoutMs } from './timing.ts'

/**
 * Waits until what the object asks to wait for is current. The fact that holds then; undefined: there was nothing to wait for.
 * Drift ends no wait: `mend` corrects it, and the wait goes on for the rest of its time.
 */
export async function awaitHealth(context: Context, { refs, revision, mask }: Applied, mend: () => Promise<Stop | undefined>): Promise<Mark | Stop | undefined> {
  const { kustomization, deps, step, run } = context
  const remembered = deps.memory.of(run.key)
  remembered.unhealthy = false
  if (refs.length === 0) return undefined
  const timeout = timeoutMs(kustomization)
  step.progress({ message: `Running health checks for revision ${revision} with a timeout of ${formatDurationMs(timeout)}`, checks: ['Healthy'] })
  const endMs = deps.clock.monotonicMs() + timeout
  const bell = createBell(deps.live.suspects(context.owner).length > 0)
  remembered.interrupt = bell.ring
  try {
    for (;;) {
      const stop = bell.rung() ? await mend() : undefined
      if (stop) return stop
      const verdict = await step.park('wait for health', (signal) => waitOnce(context, { refs, timeoutMs: Math.max(0, endMs - deps.clock.monotonicMs()), bell, signal }))
      if (isStop(verdict)) return verdict
      if (verdict === 'drifted') continue
      if (verdict.kind === 'current') return { type: 'Healthy', reason: 'Succeeded', message: 'Health check passed' }
      remembered.unhealthy = true
      return unhealthy(mask(verdict.message), timeout)
    }
  } finally {
    remembered.interrupt = undefined
  }
}

/** Rung by drift, whether somebody listens or not. */
interface Bell {
  ring(): void
  /** Whether it was rung since it was asked last. */
  rung(): boolean
  /** Aborts `listener` when it rings, at once if it has rung. */
  listen(listener: AbortController): void
}

function createBell(isRung: boolean): Bell {
  const state: { isRung: boolean; listener: AbortController | undefined } = { isRung, listener: undefined }
  return {
    ring() {
      state.isRung = true
      state.listener?.abort()
    },
    rung() {
      const { isRung: was } = state
      state.isRung = false
      return was
    },
    listen(listener) {
      state.listener = listener
      if (state.isRung) listener.abort()
    },
  }
}

interface OneWait {
  readonly refs: readonly ObjectRef[]
  readonly timeoutMs: number
  readonly bell: Bell
  readonly signal: AbortSignal
}

async function waitOnce({ deps, owner }: Context, wait: OneWait): Promise<WaitVerdict | 'drifted'> {
  const { refs, bell, signal } = wait
  const drift = new AbortController()
  bell.listen(drift)
  try {
    return await waitUntilCurrent({ live: deps.live, owner, refs, timeoutMs: wait.timeoutMs, failFast: deps.rules.failFast, signal: AbortSignal.any([signal, drift.signal]) })
  } catch (error) {
    signal.throwIfAborted()
    if (!drift.signal.aborted) throw error
    return 'drifted'
  }
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
