import { describe, expect, it } from '@jest/globals'
import { HttpError, type HttpErrorCode, type HttpErrorDetail } from './http-error.ts'
import { jitteredMs, pauseMs, retryAfterMs } from './retry.ts'

const again = { tries: 1, retries: 3, leftMs: 60_000, random: 1 }

describe('which failures are tried again', () => {
  it.each<readonly [boolean, string, HttpErrorCode, HttpErrorDetail]>([
    [true, 'GET', 'unreachable', {}],
    [false, 'POST', 'unreachable', {}],
    [true, 'POST', 'unreachable', { unsent: true }],
    [false, 'PATCH', 'body', {}],
    [true, 'GET', 'body', {}],
    [true, 'GET', 'status', { status: 503 }],
    [false, 'GET', 'status', { status: 404 }],
    [false, 'POST', 'status', { status: 500 }],
    [true, 'POST', 'status', { status: 429 }],
    [true, 'POST', 'status', { status: 503, retryAfterMs: 1000 }],
    [false, 'GET', 'tls', {}],
    [false, 'GET', 'too-large', {}],
    [false, 'GET', 'redirect', {}],
    [false, 'GET', 'deadline', {}],
    [false, 'GET', 'aborted', {}],
  ])('%s: %s after %s %j', (...row) => {
    const [yes, method, code, detail] = row
    expect(pauseMs(new HttpError(code, 'x', detail), { ...again, method }) !== undefined).toBe(yes)
  })

  it('ends after the retries, and when the pause would pass the deadline', () => {
    const error = new HttpError('status', 'x', { status: 503, retryAfterMs: 5_000 })
    expect(pauseMs(error, { ...again, method: 'GET' })).toBe(5_000)
    expect(pauseMs(error, { ...again, method: 'GET', tries: 4 })).toBeUndefined()
    expect(pauseMs(error, { ...again, method: 'GET', leftMs: 5_000 })).toBeUndefined()
  })
})

describe('pauses', () => {
  it('double to a bound and spread over their upper half', () => {
    expect([1, 2, 3, 9].map((failures) => jitteredMs(failures, { minMs: 100, maxMs: 1_000, random: 1 }))).toEqual([100, 200, 400, 1_000])
    expect(jitteredMs(1, { minMs: 100, maxMs: 1_000, random: 0 })).toBe(50)
  })

  it.each([
    ['7', 7_000],
    ['0', 0],
    ['Thu, 01 Jan 2026 00:00:30 GMT', 30_000],
    ['Thu, 01 Jan 2020 00:00:00 GMT', 0],
    ['Fri, 01 Jan 2100 00:00:00 GMT', 86_400_000],
    ['2592000', 86_400_000],
    ['99999999999999999999', 86_400_000],
    ['soon', undefined],
    ['-1', undefined],
    [undefined, undefined],
  ])('reads Retry-After %j', (header, ms) => {
    expect(retryAfterMs(header, new Date('2026-01-01T00:00:00Z'))).toBe(ms)
  })
})
