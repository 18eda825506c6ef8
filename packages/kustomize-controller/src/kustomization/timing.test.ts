import { describe, expect, it } from '@jest/globals'
import { toKustomization } from '../testing-world.ts'
import { intervalMs, retryIntervalMs, timeoutMs } from './timing.ts'

describe('times', () => {
  it.each([
    [{ interval: '10m' }, 600_000, 600_000, 570_000],
    [{ interval: '10m', retryInterval: '1m', timeout: '2m' }, 600_000, 60_000, 120_000],
    [{ interval: '40s' }, 40_000, 40_000, 30_000],
    [{ interval: '10m', timeout: '1s' }, 600_000, 600_000, 30_000],
    [{ interval: 'soon', retryInterval: 'later', timeout: 'x' }, 600_000, 600_000, 570_000],
  ])('of %j', (spec, interval, retry, timeout) => {
    const kustomization = toKustomization(spec)
    expect([intervalMs(kustomization), retryIntervalMs(kustomization), timeoutMs(kustomization)]).toEqual([interval, retry, timeout])
  })
})
