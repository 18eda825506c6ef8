import type { Clock } from './clock.ts'

/** Writes of progress are for people who watch. A few a second are read; those of a fleet that changes all at once are only load. */
export interface ProgressPace {
  /** Whether one more may be written now; if so it counts. */
  take(): boolean
}

const burst = 10
const perSecond = 2

/** One for each controller. */
export function createProgressPace({ monotonicMs }: Pick<Clock, 'monotonicMs'>): ProgressPace {
  const state = { left: burst, atMs: monotonicMs() }
  return {
    take() {
      const nowMs = monotonicMs()
      state.left = Math.min(burst, state.left + ((nowMs - state.atMs) / 1000) * perSecond)
      state.atMs = nowMs
      if (state.left < 1) return false
      state.left -= 1
      return true
    },
  }
}
