import { kustomizationKind } from '@weir/shared/api'
import { correctDrift, type Correction } from '@weir/shared/apply'
import { showObject } from '@weir/shared/manifest'
import { isStop, type Stop } from '@weir/shared/runtime'
import type { Context, Prepared } from '../ports.ts'
import { applyStop } from '../stops.ts'
import { intervalMs } from '../timing.ts'

/** `againMs`: what was corrected a moment ago is left for so long. */
export type Corrected = { readonly kind: 'corrected'; readonly againMs: number | undefined } | { readonly kind: 'refused' }

/** Writes back what somebody changed: one apply an object, an event for each, no status. */
export async function correct(context: Context, prepared: Prepared): Promise<Corrected | Stop> {
  const { kustomization, owner, deps, step } = context
  const result = await step.critical('correct drift', (signal) =>
    correctDrift({
      owner,
      desired: prepared.desired,
      kube: deps.kube,
      live: deps.live,
      fights: deps.fights,
      intervalMs: intervalMs(kustomization),
      nowMs: deps.clock.monotonicMs(),
      concurrency: deps.rules.concurrentSsa,
      mask: prepared.mask,
      signal,
    }),
  )
  if (isStop(result)) return result
  for (const correction of result.corrections) tell(context, prepared.revision, correction)
  const [trouble] = result.failures.filter(({ code }) => code === 'unreachable')
  if (trouble) return applyStop(trouble, prepared.mask)
  return result.failures.length > 0 ? { kind: 'refused' } : { kind: 'corrected', againMs: result.againMs }
}

function tell({ kustomization, deps, run }: Context, revision: string, correction: Correction): void {
  if (correction.outcome !== 'corrected') return
  const name = showObject(correction.ref)
  const facts = { revision, reason: 'DriftCorrected', message: `${name}: ${describe(correction)}` }
  deps.announce('drift-detected', run.key, facts)
  deps.announce('drift-corrected', run.key, facts)
  const metadata = { [`${kustomizationKind.group}/revision`]: revision }
  deps.tell(kustomization, { type: 'Normal', reason: 'DriftCorrected', message: `${name} corrected: ${describe(correction)}`, metadata })
  if (!correction.contested) return
  const message = `${name} is changed again and again: ${describe(correction)}; its correction waits longer each time`
  deps.tell(kustomization, { type: 'Warning', reason: 'DriftContested', message, metadata })
}

/** "changed by kubectl-edit at 2026-01-02T03:04:05Z: .spec.replicas" */
function describe({ cause, by, paths }: Correction): string {
  const who = by === undefined ? '' : ` by ${by.manager === '' ? 'an unnamed manager' : by.manager} at ${by.at}`
  return `${cause}${who}${paths.length === 0 ? '' : `: ${paths.join(', ')}`}`
}
