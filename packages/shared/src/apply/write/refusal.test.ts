import { describe, expect, it } from '@jest/globals'
import { KubeError } from '@weir/shared/kube'
import type { KubeErrorCode } from '@weir/shared/kube'
import { jsonOf } from '@weir/shared/manifest'
import type { KubeObject } from '@weir/shared/manifest'
import { explainRefusal, isTrouble } from './refusal.ts'

const desiredOf = (object: KubeObject) => ({
  ref: { group: '', version: 'v1', kind: object.kind, namespace: 'ns', name: 'a' },
  id: `ns_a__${object.kind}`,
  body: Buffer.from(jsonOf(object)),
  digest: 1,
  switches: 0,
  vanishes: false,
})
const config = desiredOf({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } })
const secret = desiredOf({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a' }, data: { k: 'Y2FuYXJ5' } })
const error = (code: KubeErrorCode, words: string, reason?: string) => new KubeError(code, `dry-run X ns/a: ${words}`, { status: 400, ...(reason !== undefined && { reason }) })

describe('explainRefusal', () => {
  it.each([
    ['a refused dry run', error('invalid', 'it is bad', 'Invalid'), 'dry-run' as const, 'ConfigMap/ns/a dry-run failed (Invalid): it is bad'],
    ['a dry run refused without a reason', error('bad-request', 'it is bad'), 'dry-run' as const, 'ConfigMap/ns/a dry-run failed: it is bad'],
    ['a missing namespace', error('not-found', 'namespaces "ns" not found', 'NotFound'), 'dry-run' as const, 'ConfigMap/ns/a not found: namespaces "ns" not found'],
    ['a refused write', error('forbidden', 'you may not', 'Forbidden'), 'apply' as const, 'ConfigMap/ns/a apply failed: you may not'],
  ])('puts %s as Flux does', (...[, refusal, attempt, message]) => {
    expect(explainRefusal(refusal, { desired: config, attempt, mask: (text) => text })).toMatchObject({ code: 'refused', message })
  })

  it('hides the values of a Secret, and what the caller knows to be secret', () => {
    const refusal = error('invalid', 'Invalid value: "Y2FuYXJ5" canary hush', 'Invalid')
    expect(explainRefusal(refusal, { desired: secret, attempt: 'dry-run', mask: (text) => text.replace('hush', '***') })).toMatchObject({
      message: 'Secret/ns/a dry-run failed (Invalid): Invalid value: "*****" ***** ***',
    })
  })

  it('tells trouble with the API server apart, with its Retry-After', () => {
    const busy = new KubeError('throttled', 'apply X: busy', { status: 429, retryAfterMs: 2000 })
    expect(explainRefusal(busy, { desired: config, attempt: 'apply', mask: (text) => text })).toMatchObject({ code: 'unreachable', retryAfterMs: 2000 })
  })

  it('lets a bug be a bug', () => {
    const bug = new TypeError('x')
    expect(explainRefusal(bug, { desired: config, attempt: 'apply', mask: (text) => text })).toBe(bug)
  })
})

it.each([
  ['etcdserver: request timed out', true],
  ['failed calling webhook "x": connection refused', false],
  ['failed to create typed patch object (/a; /v1, Kind=Secret): .data.k: expected string', false],
  ['failed to convert new object (a/s; /v1, Kind=Secret) to proper version: unable to convert unstructured object to /v1, Kind=Secret: error decoding from json: illegal base64 data at input byte 6', false],
])('an internal error "%s" is trouble of the API server: %s', (words, isServers) => {
  expect(isTrouble(error('server', words, 'InternalError'))).toBe(isServers)
})
