import { describe, expect, it } from '@jest/globals'
import { leaseDurations } from '../process/lead.ts'
import { findLeaseProblem, type ElectionFlags } from './lease-durations.ts'

const { leaseMs, renewMs, retryMs } = leaseDurations
const flags = (changed: Partial<ElectionFlags>): ElectionFlags => ({
  'enable-leader-election': true,
  'leader-election-lease-duration': leaseMs,
  'leader-election-renew-deadline': renewMs,
  'leader-election-retry-period': retryMs,
  ...changed,
})

describe('the durations of a lease', () => {
  it.each<readonly [Partial<ElectionFlags>, string]>([
    [{ 'leader-election-lease-duration': 15_000 }, '--leader-election-lease-duration=15s must be longer than --leader-election-renew-deadline=30s: two could lead at once'],
    [{ 'leader-election-renew-deadline': 35_000 }, '--leader-election-lease-duration=35s must be longer than --leader-election-renew-deadline=35s: two could lead at once'],
    [{ 'leader-election-renew-deadline': 6_000 }, '--leader-election-renew-deadline=6s must be longer than 1.2 times --leader-election-retry-period=5s'],
    [{ 'leader-election-retry-period': 25_000 }, '--leader-election-renew-deadline=30s must be longer than 1.2 times --leader-election-retry-period=25s'],
    [{ 'leader-election-retry-period': 0 }, '--leader-election-retry-period=0s must be longer than 0'],
    [{ 'leader-election-retry-period': -5_000 }, '--leader-election-retry-period=-5s must be longer than 0'],
  ])('%j: two could lead, or none', (changed, problem) => {
    expect(findLeaseProblem(flags(changed))).toBe(problem)
    expect(findLeaseProblem(flags({ ...changed, 'enable-leader-election': false }))).toBeUndefined() // nobody reads them
  })

  it('fit together as they are by default, and shorter', () => {
    expect(findLeaseProblem(flags({}))).toBeUndefined()
    expect(findLeaseProblem(flags({ 'leader-election-lease-duration': 3_000, 'leader-election-renew-deadline': 2_000, 'leader-election-retry-period': 500 }))).toBeUndefined()
  })
})
