import { parseDurationMs, type Kustomization } from '@weir/shared/api'

/** Of an object whose interval cannot be read. */
export const fallbackIntervalMs = 600_000
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

/** Bounds the waits for health and for termination. */
export function timeoutMs(kustomization: Kustomization): number {
  const own = kustomization.spec.timeout
  return boundedTimeoutMs(own === undefined ? undefined : parseDurationMs(own), intervalMs(kustomization))
}

/** The interval less 30 s where unset, and never below 30 s (contract 4.1). */
export function boundedTimeoutMs(ownMs: number | undefined, everyMs: number): number {
  return Math.max(ownMs ?? everyMs - timeoutMarginMs, leastTimeoutMs)
}
