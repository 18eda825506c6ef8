import { formatDurationMs } from '@weir/shared/api'

export interface ElectionFlags {
  readonly 'enable-leader-election': boolean
  /** Milliseconds, all three. */
  readonly 'leader-election-lease-duration': number
  readonly 'leader-election-renew-deadline': number
  readonly 'leader-election-retry-period': number
}

/** client-go's: a renewal must be tried once more before the deadline, however its pauses are spread. */
const spread = 1.2

/**
 * What is wrong with the durations of an election, as a sentence that names the flags; undefined: nothing. The rule is client-go's. Others
 * take a lease that was not renewed for its duration: a leader whose deadline is later than that would be the second one.
 */
export function findLeaseProblem(flags: ElectionFlags): string | undefined {
  const show = (name: Exclude<keyof ElectionFlags, 'enable-leader-election'>): string => `--${name}=${formatDurationMs(flags[name])}`
  const retryMs = flags['leader-election-retry-period']
  const renewMs = flags['leader-election-renew-deadline']
  if (!flags['enable-leader-election']) return undefined
  if (retryMs <= 0) return `${show('leader-election-retry-period')} must be longer than 0`
  if (renewMs <= spread * retryMs) return `${show('leader-election-renew-deadline')} must be longer than ${spread} times ${show('leader-election-retry-period')}`
  if (flags['leader-election-lease-duration'] > renewMs) return undefined
  return `${show('leader-election-lease-duration')} must be longer than ${show('leader-election-renew-deadline')}: two could lead at once`
}
