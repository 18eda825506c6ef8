import { expect, it } from '@jest/globals'
import type { AuditEntry } from '@weir/shared/control-plane'
import { hopsOf } from './chain.ts'

function write(name: string, ms: number): AuditEntry {
  const at = new Date(ms)
  return {
    verb: 'patch', group: 'kustomize.toolkit.fluxcd.io', resource: 'kustomizations', subresource: 'status', namespace: 'flux-system', name,
    user: 'u', userAgent: 'weir-kustomize-controller/0.1.0', code: 200, requestUri: '/x', startedAt: at, answeredAt: at,
  }
}

it('measures a hop from one final status write to the next', () => {
  const entries = [write('a', 1000), write('b', 1010), write('a', 1100), write('b', 1150), write('c', 1010), write('c', 1350)]
  expect(hopsOf(entries, ['a', 'b', 'c'])).toEqual([50, 200])
})

it('says when an object never came to an end', () => {
  expect(() => hopsOf([write('a', 1)], ['a', 'b'])).toThrow('no status of b')
})
