import type { Clock } from '@weir/shared/runtime'

/** After a start everything that was applied is applied once more, at this pace over all. */
const callsPerSecond = 50

/** Spreads the verification of a fleet over time. */
export interface VerificationPace {
  /** Milliseconds until the next verification may begin. */
  waitMs(): number
  /** A verification has made so many calls. */
  spend(calls: number): void
}

export function createVerificationPace(clock: Pick<Clock, 'monotonicMs'>): VerificationPace {
  let nextMs = 0
  return {
    waitMs: () => Math.max(0, nextMs - clock.monotonicMs()),
    spend(calls) {
      nextMs = Math.max(nextMs, clock.monotonicMs()) + (calls * 1000) / callsPerSecond
    },
  }
}
