import { HttpError } from '@weir/shared/http'
import { expect, it } from '@jest/globals'
import { KubeError, type KubeErrorCode, type KubeErrorDetail } from '../kube-error.ts'
import { callPauseMs } from './retry.ts'

const unsent = { cause: new HttpError('unreachable', 'x', { unsent: true }) }
const reset = { cause: new HttpError('unreachable', 'x') }
const brokenBody = { cause: new HttpError('body', 'x') }
const badCertificate = { cause: new HttpError('tls', 'x', { unsent: true }) }
const attempt = { tries: 1, leftMs: 60_000, random: 0 }

it.each<readonly [KubeErrorCode, KubeErrorDetail, boolean, boolean]>([
  // code, detail, a read is repeated, a write is repeated
  ['throttled', { status: 429 }, true, true],
  ['unreachable', unsent, true, true],
  ['unreachable', reset, true, false],
  ['unreachable', brokenBody, true, false],
  ['unreachable', badCertificate, false, false],
  ['server', { status: 500 }, true, false],
  ['timeout', { status: 504 }, true, false],
  ['timeout', {}, false, false],
  ['conflict', { status: 409 }, false, false],
  ['forbidden', { status: 403 }, false, false],
  ['not-served', { status: 404 }, false, false],
  ['invalid', { status: 422 }, false, false],
  ['fenced', {}, false, false],
  ['aborted', {}, false, false],
  ['config', {}, false, false],
])('%s %j', (...[code, detail, read, write]) => {
  const error = new KubeError(code, 'x', detail)
  expect(callPauseMs(error, { ...attempt, write: false }) !== undefined).toBe(read)
  expect(callPauseMs(error, { ...attempt, write: true }) !== undefined).toBe(write)
})

it('waits as long as it is told, a little apart from the others, but not past the deadline', () => {
  const error = new KubeError('throttled', 'x', { retryAfterMs: 4_000 })
  expect(callPauseMs(error, { ...attempt, write: true })).toBe(4_000)
  expect(callPauseMs(error, { ...attempt, write: true, random: 0.999 })).toBeGreaterThan(4_500)
  expect(callPauseMs(error, { ...attempt, write: true, leftMs: 3_000 })).toBeUndefined()
})
