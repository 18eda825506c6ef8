import { describe, expect, it } from '@jest/globals'
import { listedKinds } from './kinds.ts'
import { parseSubject } from './subject.ts'

const parse = (...words: readonly string[]): unknown => {
  const subject = parseSubject(words, listedKinds)
  return subject && [subject.kind.kind, subject.name]
}

describe('parseSubject', () => {
  it.each([
    [['ks/apps'], ['Kustomization', 'apps']],
    [['Kustomization', 'apps'], ['Kustomization', 'apps']],
    [['kustomizations.kustomize.toolkit.fluxcd.io'], ['Kustomization', undefined]],
    [['GITREPO/fleet.v2'], ['GitRepository', 'fleet.v2']],
    [[], undefined],
  ])('reads %j', (words, expected) => expect(parse(...words)).toEqual(expected))

  it.each([[['nope']], [['ks/a/b']], [['ks/a', 'b']], [['ks', 'a', 'b']], [['ks/']], [['ks/../secrets']], [['ks', 'A_b']]])('refuses %j', (words) => {
    expect(() => parse(...words)).toThrow(expect.objectContaining({ exitCode: 2 }))
  })
})
