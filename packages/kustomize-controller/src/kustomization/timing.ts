import { parseDurationMs, type Kustomization } from '@weir/shared/api'

const fallbackIntervalMs = 600_000
const leastTimeoutMs = 30_000
const timeoutMarginMs = 30_000

/** Between two runs that nothing else asked for. */
export function intervalMs({ spec }: Kustomization): number {
  return parseDurationMs(spec.interval) ?? fallbackIntervalMs
}

/** A fixed wait after a failure; the interval where the object has none of its own. */
export function retryIntervalMs(kustomization: Kustomization): number {
  const own = kustomization.spec.retryInterval
  return (own === undefined ? undefined : parseDurationMs(own)) ?? intervalMs(kustomization)
}

/** Bounds the waits for health and for termination: the interval less 30 s where unset, and never below 30 s (contract 4.1). */
export function timeoutMs(kustomization: Kustomization): number {
  const own = kustomization.spec.timeout
  const asked = (own === undefined ? undefined : parseDurationMs(own)) ?? intervalMs(kustomization) - timeoutMarginMs
  return Math.max(asked, leastTimeoutMs)
}
