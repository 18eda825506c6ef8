import { describe, expect, it } from '@jest/globals'
import type { AuditEntry } from '@weir/shared/control-plane'
import { breakDown, countCalls, countWork, statusWritesByName, writingSeconds } from './audit.ts'

const ours = { userAgent: 'kustomize-controller' }

function entry(verb: string, resource: string, more: Partial<AuditEntry> = {}): AuditEntry {
  const at = new Date('2026-01-01T00:00:00Z')
  const [group = '', plural = ''] = resource.includes('/') ? resource.split('/') : ['', resource]
  const base = { subresource: '', namespace: 'apps', name: 'app-0001', user: 'u', userAgent: 'weir-kustomize-controller/0.1.0', code: 200, requestUri: '/x', startedAt: at, answeredAt: at }
  return { verb, group, resource: plural, ...base, ...more }
}

const kustomizations = 'kustomize.toolkit.fluxcd.io/kustomizations'

describe('counting calls', () => {
  it.each([
    ['an apply of an object', entry('patch', 'apps/deployments'), { calls: 1, objectCalls: 1 }],
    ['a dry run', entry('patch', 'configmaps', { requestUri: '/api?fieldManager=k&dryRun=All&force=true' }), { calls: 1, dryRuns: 1, objectCalls: 1 }],
    ['a read of an object', entry('get', 'services'), { calls: 1, objectCalls: 1, objectReads: 1 }],
    ['a list of objects', entry('list', 'serviceaccounts'), { calls: 1, objectCalls: 1, objectReads: 1 }],
    ['a watch of objects', entry('watch', 'configmaps'), { calls: 1 }],
    ['a status write', entry('patch', kustomizations, { subresource: 'status' }), { calls: 1, statusWrites: 1 }],
    ['a status write that was refused', entry('patch', kustomizations, { subresource: 'status', code: 409 }), { calls: 1, statusWrites: 1 }],
    ['a read of a status', entry('get', kustomizations, { subresource: 'status' }), { calls: 1 }],
    ['a finalizer', entry('patch', kustomizations), { calls: 1 }],
    ['the status of a source', entry('patch', 'source.toolkit.fluxcd.io/gitrepositories', { subresource: 'status' }), { calls: 1, statusWrites: 1 }],
    ['the status of what is applied', entry('patch', 'apps/deployments', { subresource: 'status' }), { calls: 1, objectCalls: 1 }],
    ['discovery', entry('get', '', { requestUri: '/apis' }), { calls: 1 }],
    ['a lease', entry('update', 'coordination.k8s.io/leases'), { calls: 1 }],
    ['another client', entry('get', 'configmaps', { userAgent: 'kube-controller-manager/v1.36.3' }), {}],
  ])('%s', (_, call, expected) => {
    expect(countCalls([call], ours)).toEqual({ calls: 0, statusWrites: 0, dryRuns: 0, objectCalls: 0, objectReads: 0, ...expected })
  })

  it('tells two programs with one user agent apart by their user', () => {
    const calls = [entry('get', 'configmaps', { user: 'a' }), entry('get', 'configmaps', { user: 'b' })]
    expect(countCalls(calls, { ...ours, user: 'a' }).calls).toBe(1)
  })
})

it('takes the silence of a client that worked for no zero', () => {
  expect(countWork([entry('get', 'configmaps')], ours).calls).toBe(1)
  expect(() => countWork([entry('get', 'configmaps', { userAgent: 'weir-kustomise/0.1.0' })], ours)).toThrow('no call of kustomize-controller')
})

it('orders the status writes of each object by their answers', () => {
  const write = (name: string, at: string, code = 200): AuditEntry => entry('patch', kustomizations, { subresource: 'status', name, code, answeredAt: new Date(at) })
  const writes = statusWritesByName([write('b', '2026-01-01T00:00:03Z'), write('a', '2026-01-01T00:00:02Z'), write('a', '2026-01-01T00:00:01Z'), write('a', '2026-01-01T00:00:09Z', 409)], ours)
  expect([...writes].map(([name, times]) => [name, times.map((time) => time.getUTCSeconds())])).toEqual([
    ['a', [1, 2]],
    ['b', [3]],
  ])
})

it('times the writing of objects by itself', () => {
  const at = (seconds: number, more: Partial<AuditEntry> = {}): AuditEntry => entry('patch', 'configmaps', { answeredAt: new Date(seconds * 1000), ...more })
  expect(writingSeconds([at(3), at(1), at(9, { userAgent: 'kwok' }), { ...at(20), group: 'x', resource: 'y' }, at(7.5)], ours)).toBe(6.5)
  expect(writingSeconds([], ours)).toBe(0)
})

it('breaks calls down by what they were', () => {
  const calls = [entry('get', 'configmaps'), entry('get', 'configmaps'), entry('patch', 'configmaps', { requestUri: '/x?dryRun=All' }), entry('get', '', { requestUri: '/apis?timeout=1' }), entry('patch', kustomizations, { subresource: 'status', code: 409 })]
  expect(breakDown(calls, ours)).toEqual({ 'get configmaps': 2, 'patch configmaps (dry run)': 1, 'get /apis': 1, 'patch kustomizations/status 409': 1 })
})
