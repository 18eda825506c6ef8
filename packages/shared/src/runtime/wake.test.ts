import { describe, expect, it } from '@jest/globals'
import type { ObjectMeta } from '@weir/shared/api'
import { classOfArrival, wakeOfChange } from './wake.ts'

const base: ObjectMeta = { name: 'a', uid: 'u', generation: 1, resourceVersion: '1' }
const token = (value: string): Partial<ObjectMeta> => ({ annotations: { 'reconcile.fluxcd.io/requestedAt': value } })

describe('wakeOfChange (contract 1.3)', () => {
  it.each<readonly [string, Partial<ObjectMeta>, Partial<ObjectMeta>, string | undefined]>([
    ['our own status write', {}, { resourceVersion: '2' }, undefined],
    ['a new generation', {}, { generation: 2 }, 'spec!'],
    ['a token', {}, token('1'), 'token!'],
    ['another token', token('1'), token('2'), 'token!'],
    ['the same token', token('1'), token('1'), undefined],
    ['the token taken away', token('1'), {}, undefined],
    ['a token beside a new generation', {}, { generation: 2, ...token('1') }, 'token!'],
    ['a finalizer', {}, { finalizers: ['x'] }, undefined],
    ['a label', {}, { labels: { a: 'b' } }, undefined],
    ['a foreign annotation', {}, { annotations: { a: 'b' } }, undefined],
    ['an annotation of ours', {}, { annotations: { 'weir.dev/allow-empty': 'true' } }, 'spec'],
    ['an annotation of ours taken away', { annotations: { 'weir.dev/allow-empty': 'true' } }, {}, 'spec'],
    ['deletion', {}, { deletionTimestamp: 't', generation: 2 }, 'deletion!'],
    ['a change while being deleted', { deletionTimestamp: 't' }, { deletionTimestamp: 't', generation: 3 }, undefined],
    ['another object of the same name', {}, { uid: 'v' }, 'spec!'],
    ['another object of the same name, already being deleted', { deletionTimestamp: 't' }, { uid: 'v', deletionTimestamp: 't' }, 'deletion!'],
  ])('%s', (...[, before, after, expected]) => {
    const wake = wakeOfChange({ ...base, ...before }, { ...base, ...after })
    expect(wake && `${wake.wakeClass}${wake.supersedes ? '!' : ''}`).toBe(expected)
  })
})

describe('classOfArrival', () => {
  it.each<readonly [string, Partial<ObjectMeta>, string | undefined, string]>([
    ['a new object', {}, undefined, 'verification'],
    ['an object being deleted', { deletionTimestamp: 't', ...token('1') }, undefined, 'deletion'],
    ['a token that nobody handled', token('2'), '1', 'token'],
    ['a token that was handled', token('1'), '1', 'verification'],
  ])('%s', (...[, metadata, handled, expected]) => {
    expect(classOfArrival({ ...base, ...metadata }, handled, 'verification')).toBe(expected)
  })
})
