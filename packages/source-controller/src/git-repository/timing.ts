import { parseDurationMs, type GitRepository } from '@weir/shared/api'

const fallbackIntervalMs = 60_000
const fallbackTimeoutMs = 60_000

export const intervalMs = ({ spec }: GitRepository): number => parseDurationMs(spec.interval) ?? fallbackIntervalMs

/** Of one Git operation. */
export const timeoutMs = ({ spec }: GitRepository): number => (spec.timeout === undefined ? undefined : parseDurationMs(spec.timeout)) ?? fallbackTimeoutMs
