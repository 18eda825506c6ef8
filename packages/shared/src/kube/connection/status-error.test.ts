import { expect, it } from '@jest/globals'
import { statusError } from './status-error.ts'

type Answer = Parameters<typeof statusError>[2]

const status = (details: object): object => ({ kind: 'Status', status: 'Failure', code: 503, details })
const inAnHour = new Date(Date.now() + 3_600_000).toUTCString()

it.each<readonly [string, Answer, number | undefined]>([
  ['seconds', { headers: { 'retry-after': '7' }, body: undefined }, 7_000],
  ['an hour', { headers: { 'retry-after': '3600' }, body: undefined }, 60_000],
  ['a date in an hour', { headers: { 'retry-after': inAnHour }, body: undefined }, 60_000],
  ['more than a timer can count', { headers: { 'retry-after': '999999999' }, body: undefined }, 60_000],
  ['seconds in the body', { body: status({ retryAfterSeconds: 5 }) }, 5_000],
  ['more in the body than a timer can count', { body: status({ retryAfterSeconds: 1e308 }) }, 60_000],
  ['the header before the body', { headers: { 'retry-after': '0' }, body: status({ retryAfterSeconds: 5 }) }, 0],
  ['nothing', { body: status({ retryAfterSeconds: 0 }) }, undefined],
])('a server that asks for %s', (_, answer, retryAfterMs) => {
  expect(statusError('get X', 503, answer).retryAfterMs).toBe(retryAfterMs)
})
