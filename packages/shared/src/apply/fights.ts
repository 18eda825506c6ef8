/** Corrections older than this are forgotten. */
export const fightWindowMs = 10 * 60_000

export interface FightVerdict {
  /** The object may be corrected once its last correction is this old; 0: at once. */
  readonly waitMs: number
  /** Somebody keeps writing what we declare: worth a Warning `DriftContested`. */
  readonly contested: boolean
}

/**
 * How to answer drift of an object that was corrected before: at once the first time, then after 1, 2, 4 s … up to the
 * interval; the third correction within the window is contested. All times are monotonic.
 */
export function judgeFight(corrections: readonly number[], nowMs: number, intervalMs: number): FightVerdict {
  const recent = corrections.filter((at) => nowMs - at < fightWindowMs)
  const last = recent.at(-1)
  if (last === undefined) return { waitMs: 0, contested: false }
  const pauseMs = Math.min(1000 * 2 ** (recent.length - 1), Math.max(intervalMs, 1000))
  return { waitMs: Math.max(0, last + pauseMs - nowMs), contested: recent.length >= 2 }
}

/** The corrections of the last minutes, by inventory id. Bounded by what is corrected within the window. */
export interface Fights {
  judge(id: string, nowMs: number, intervalMs: number): FightVerdict
  corrected(id: string, nowMs: number): void
}

export function createFights(): Fights {
  const corrections = new Map<string, readonly number[]>()
  return {
    judge: (id, nowMs, intervalMs) => judgeFight(corrections.get(id) ?? [], nowMs, intervalMs),
    corrected(id, nowMs) {
      const recent = (corrections.get(id) ?? []).filter((at) => nowMs - at < fightWindowMs)
      corrections.delete(id)
      corrections.set(id, [...recent, nowMs].slice(-32))
      for (const [old, times] of corrections) {
        if (nowMs - (times.at(-1) ?? 0) < fightWindowMs) return // the map is ordered by last correction
        corrections.delete(old)
      }
    },
  }
}
