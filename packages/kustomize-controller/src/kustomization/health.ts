import { formatDurationMs } from '@weir/shared/api'
import { waitUntilCurrent, type WaitVerdict } from '@weir/shared/apply'
import { parseApiVersion, type ObjectRef } from '@weir/shared/manifest'
import { failing, isStop, type Mark, type Stop } from '@weir/shared/runtime'
import type { Context, Prepared } from './ports.ts'
import { timeoutMs } from './timing.ts'

/** Waits until what the object asks to wait for is current. The fact that holds then; undefined: there was nothing to wait for. */
export async function awaitHealth(context: Context, prepared: Prepared): Promise<Mark | Stop | undefined> {
  const { kustomization, owner, deps, step } = context
  const refs = refsToWaitFor(context, prepared)
  if (refs.length === 0) return undefined
  const timeout = timeoutMs(kustomization)
  step.progress({ message: `Running health checks for revision ${prepared.revision} with a timeout of ${formatDurationMs(timeout)}`, checks: ['Healthy'] })
  const verdict = await step.park('wait for health', (signal) =>
    waitUntilCurrent({ live: deps.live, owner, refs, timeoutMs: timeout, failFast: deps.rules.failFast, signal }),
  )
  if (isStop(verdict)) return verdict
  return verdict.kind === 'current' ? { type: 'Healthy', reason: 'Succeeded', message: 'Health check passed' } : unhealthy(verdict, timeout)
}

/** The text names the configured timeout and no measured time: the same failure is the same status. */
function unhealthy(verdict: Exclude<WaitVerdict, { kind: 'current' }>, timeout: number): Stop {
  return failing({
    reason: 'HealthCheckFailed',
    message: `health check failed after ${formatDurationMs(timeout)}: ${verdict.message}`,
    blames: 'Healthy',
    blamesMessage: verdict.message,
  })
}

/** Everything applied with `wait`, else the listed objects; never the Kustomization itself, which is not ready while it waits. */
function refsToWaitFor({ kustomization }: Context, { desired }: Prepared): readonly ObjectRef[] {
  const { metadata, spec } = kustomization
  const refs = spec.wait === true ? desired.map(({ ref }) => ref) : listedRefs(spec.healthChecks ?? [], metadata.namespace ?? '')
  return refs.filter(({ group, kind, namespace, name }) => !(group === 'kustomize.toolkit.fluxcd.io' && kind === 'Kustomization' && namespace === metadata.namespace && name === metadata.name))
}

type HealthCheck = NonNullable<Context['kustomization']['spec']['healthChecks']>[number]

/** `spec.healthChecks` as references; without an apiVersion it is `apps/v1`. */
export function listedRefs(checks: readonly HealthCheck[], ownNamespace: string): readonly ObjectRef[] {
  return checks.map(({ apiVersion, kind, name, namespace }) => ({ ...parseApiVersion(apiVersion || 'apps/v1'), kind, name, namespace: namespace || ownNamespace }))
}
