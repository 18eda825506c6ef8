import { describe, expect, it } from '@jest/globals'
import { toKustomization } from '../../testing-world.ts'
import { referencesOf, textsOf } from './references.ts'

describe('referencesOf', () => {
  it('names what substituteFrom names, in the own namespace', () => {
    expect(referencesOf(toKustomization({ postBuild: { substituteFrom: [{ kind: 'Secret', name: 's' }] } }))).toEqual([{ kind: 'Secret', name: 's', namespace: 'apps' }])
    expect(referencesOf(toKustomization())).toEqual([])
  })
})

describe('textsOf', () => {
  const metadata = { name: 'vars', namespace: 'apps' }
  it.each([
    ['ConfigMap', { a: 'b' }, [['a', 'b']]],
    ['Secret', { a: 'Yg==' }, [['a', 'b']]],
    ['ConfigMap', { a: 1, b: 'c' }, [['b', 'c']]],
    ['ConfigMap', undefined, []],
    ['Secret', 'nonsense', []],
  ])('%s %j', (kind, data, texts) => {
    expect([...textsOf({ apiVersion: 'v1', kind, metadata, data })]).toEqual(texts)
  })
})
