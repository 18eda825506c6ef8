/** Nearest rank: the smallest value that at least `percent` of all values do not exceed. */
export function percentile(values: readonly number[], percent: number): number {
  if (values.length === 0) throw new Error('no values, no percentile')
  const sorted = [...values].sort((a, b) => a - b)
  const rank = Math.max(1, Math.ceil((percent / 100) * sorted.length))
  return sorted[rank - 1] ?? Number.NaN
}

export function median(values: readonly number[]): number {
  return percentile(values, 50)
}

export interface PhaseSeconds {
  readonly installSeconds: number
  readonly upgradeSeconds: number
}

export interface Ratios {
  readonly ratio: number
  readonly ratioInstall: number
  readonly ratioUpgrade: number
}

/** How many times longer than the limit: both phases together, and each. */
export function ratiosOf(ours: PhaseSeconds, limit: PhaseSeconds): Ratios {
  return {
    ratio: round((ours.installSeconds + ours.upgradeSeconds) / (limit.installSeconds + limit.upgradeSeconds), 3),
    ratioInstall: round(ours.installSeconds / limit.installSeconds, 3),
    ratioUpgrade: round(ours.upgradeSeconds / limit.upgradeSeconds, 3),
  }
}

export function round(value: number, digits = 2): number {
  const scale = 10 ** digits
  return Math.round(value * scale) / scale
}

/** p50 and p99, in whole milliseconds. */
export function spreadMs(values: readonly number[]): { readonly p50Ms: number; readonly p99Ms: number } {
  return { p50Ms: Math.round(median(values)), p99Ms: Math.round(percentile(values, 99)) }
}
