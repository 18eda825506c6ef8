import { describe, expect, it } from '@jest/globals'
import { mergePatch } from './write-status.ts'

describe('mergePatch (RFC 7386)', () => {
  it.each<readonly [string, unknown, unknown, unknown]>([
    ['equal', { a: 1, b: [1, { c: 2 }] }, { b: [1, { c: 2 }], a: 1 }, undefined],
    ['both absent', undefined, undefined, undefined],
    ['from nothing', undefined, { a: 1 }, { a: 1 }],
    ['a new field', { a: 1 }, { a: 1, b: 2 }, { b: 2 }],
    ['a removed field', { a: 1, b: 2 }, { a: 1 }, { b: null }],
    ['a changed field inside', { a: { b: 1, c: 2 } }, { a: { b: 1, c: 3 } }, { a: { c: 3 } }],
    ['a removed field inside', { a: { b: 1, c: 2 } }, { a: { b: 1 } }, { a: { c: null } }],
    ['a list is whole', { a: [1, 2] }, { a: [1, 3] }, { a: [1, 3] }],
    ['an object in place of a value', { a: 1 }, { a: { b: 1 } }, { a: { b: 1 } }],
    ['an object in place of a list', { a: [1] }, { a: { b: 1 } }, { a: { b: 1 } }],
  ])('%s', (...[, before, after, expected]) => {
    expect(mergePatch(before, after)).toEqual(expected)
  })
})
