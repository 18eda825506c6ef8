import { describe, expect, it } from '@jest/globals'
import { isStop } from '@weir/shared/runtime'
import { toKustomization } from '../../testing-world.ts'
import { readVariables } from './variables.ts'

const known: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'ConfigMap/one': { city: 'bonn', land: 'de' },
  'Secret/two': { city: 'kiel', token: 'line\nline\n' },
  'ConfigMap/wrong': { '1st': 'x' },
}
const read = async (postBuild: object) => {
  const variables = await readVariables(toKustomization({ postBuild }), async (kind, _namespace, name) => {
    const found = known[`${kind}/${name}`]
    return found && new Map(Object.entries(found))
  })
  return isStop(variables) ? variables.message : { ...variables, values: Object.fromEntries(variables.values) }
}
const from = (...names: readonly string[]) => ({ substituteFrom: names.map((name) => ({ kind: name.split('/')[0], name: name.split('/')[1] })) })

describe('readVariables', () => {
  it('lets later references win, inline values over all, and deletes newlines', async () => {
    expect(await read({ ...from('ConfigMap/one', 'Secret/two'), substitute: { land: 'd\nk' } })).toEqual({
      values: { city: 'kiel', land: 'dk', token: 'lineline' },
      secret: ['kiel', 'lineline'],
      substitutes: true,
    })
  })

  it('holds values of Secrets alone for secret', async () => {
    expect(await read(from('ConfigMap/one'))).toMatchObject({ secret: [] })
  })

  it.each([
    ['a missing reference', from('ConfigMap/none'), "substitute from 'ConfigMap/none': ConfigMap 'apps/none' not found"],
    ['a name that is none, inline', { substitute: { 'a-b': '' } }, "'a-b' is not a variable's name: letters, digits and _, not beginning with a digit"],
    ['a name that is none, referred to', from('ConfigMap/wrong'), "'1st' is not a variable's name: letters, digits and _, not beginning with a digit"],
  ])('refuses %s', async (_, postBuild, message) => {
    expect(await read(postBuild)).toBe(message)
  })

  it.each([
    ['without any variable', {}, false],
    ['without any variable, but always', { substituteStrategy: 'Always' }, true],
    ['with an optional reference that is missing', { substituteFrom: [{ kind: 'Secret', name: 'none', optional: true }] }, false],
    ['with one variable', { substitute: { a: '' } }, true],
  ])('substitutes %s: %#', async (_, postBuild, substitutes) => {
    expect(await read(postBuild)).toMatchObject({ substitutes })
  })

  it('reads nothing without postBuild', async () => {
    expect(await readVariables(toKustomization(), () => Promise.reject(new Error('read')))).toMatchObject({ substitutes: false })
  })
})
