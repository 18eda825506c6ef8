import { describe, expect, it } from '@jest/globals'
import { keepsFromPrune, mayRecreate, mergesFields, readSwitches, skipsApply } from './switches.ts'

const group = 'kustomize.toolkit.fluxcd.io'
const read = (annotations: Record<string, string>, labels: Record<string, string> = {}) =>
  readSwitches({ metadata: { annotations: prefix(annotations), labels: prefix(labels) } })
const prefix = (map: Record<string, string>) => Object.fromEntries(Object.entries(map).map(([key, value]) => [`${group}/${key}`, value]))

describe('the switches of an object', () => {
  it.each([
    ['reconcile disabled in Git', read({ reconcile: 'disabled' }), undefined, true],
    ['reconcile Disabled on the live label', 0, read({}, { reconcile: 'Disabled' }), true],
    ['reconcile enabled', read({ reconcile: 'enabled' }), 0, false],
    ['ssa Ignore on the live object', 0, read({ ssa: 'ignore' }), true],
    ['ssa IfNotPresent, absent', read({ ssa: 'IfNotPresent' }), undefined, false],
    ['ssa IfNotPresent, present', read({ ssa: 'IfNotPresent' }), 0, true],
    ['ssa IfNotPresent on the live object alone', 0, read({ ssa: 'IfNotPresent' }), false],
    ['nothing', 0, 0, false],
  ])('%s: skips %s', (...[, desired, live, skips]) => {
    expect(skipsApply(desired, live)).toBe(skips)
  })

  it('protect from prune only where they are live', () => {
    expect([{ prune: 'disabled' }, { reconcile: 'disabled' }, { ssa: 'Ignore' }].map((at) => keepsFromPrune(read(at)))).toEqual([true, true, true])
    expect(keepsFromPrune(read({ ssa: 'Merge', force: 'enabled' }))).toBe(false)
  })

  it('are read from either side for force and merge', () => {
    expect(mayRecreate(0, read({ force: 'Enabled' }))).toBe(true)
    expect(mergesFields(read({ ssa: 'Merge' }), undefined)).toBe(true)
    expect(mayRecreate(0, undefined)).toBe(false)
  })
})
