import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { eventTypes } from './bus.ts'
import { escapeToken, parseSubject, subjectFilter, subjectOf, unescapeToken } from './subject.ts'

describe('subjects', () => {
  it.each([
    [{ kind: 'GitRepository', namespace: 'default', name: 'podinfo' }, 'weir.v1.prod.GitRepository.default.podinfo.applied'],
    [{ kind: 'GitRepository', namespace: 'default', name: 'podinfo.v2' }, 'weir.v1.prod.GitRepository.default.podinfo%2Ev2.applied'],
    [{ kind: 'Namespace', namespace: '', name: 'a' }, 'weir.v1.prod.Namespace._.a.applied'],
  ])('writes %j', (subject, expected) => {
    expect(subjectOf({ cluster: 'prod', subject, type: 'applied' })).toBe(expected)
  })

  it('puts a wildcard for what is absent', () => {
    expect(subjectFilter('a b', {})).toBe('weir.v1.a%20b.*.*.*.*')
    expect(subjectFilter('c', { kind: 'K', type: 'failed' })).toBe('weir.v1.c.K.*.*.failed')
  })

  it('always has seven tokens and can be read back', () => {
    const text = fc.string({ unit: 'binary' }).map((given) => given.toWellFormed())
    const subjects = fc.record({ kind: text, namespace: text, name: text })
    fc.assert(fc.property(fc.record({ cluster: text, subject: subjects, type: fc.constantFrom(...eventTypes) }), (address) => {
      const subject = subjectOf(address)
      expect(subject.split('.')).toHaveLength(7)
      expect(subject).toMatch(/^[A-Za-z0-9%_.-]+$/)
      expect(parseSubject(subject)).toEqual(address)
    }))
  })

  it.each([
    'weir.v1.c.K.n.a', 'weir.v1.c.K.n.a.b.applied', 'weir.v2.c.K.n.a.applied', 'weir.v1.c.K.n.a.unknown', 'weir.v1.c.K.n..applied',
    'weir.v1.c.K.n.%2e.applied', 'weir.v1.c.K.n.%41.applied', 'weir.v1.c.K.n.%FF.applied', 'weir.v1.c.K.n.*.applied', '',
  ])('does not read %j', (subject) => {
    expect(parseSubject(subject)).toBeUndefined()
  })

  it('gives different tokens to different texts', () => {
    expect(['_', '', '%', '%25', '.'].map(escapeToken)).toEqual(['%5F', '_', '%25', '%2525', '%2E'])
    expect(unescapeToken('%5F')).toBe('_')
  })
})
