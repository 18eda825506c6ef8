import { describe, expect, it } from '@jest/globals'
import { createUndone, editsOf } from './drift.ts'
import { appNames } from './fleet.ts'

describe('edits', () => {
  const edits = editsOf(appNames(250), 100)

  it('are on an app of their own each', () => {
    expect(new Set(edits.map(({ name }) => name)).size).toBe(100)
  })

  it('change a declared field in one half, and add one as kubectl-edit in the other', () => {
    const [changing, adding] = [edits.filter(({ declared }) => declared !== undefined), edits.filter(({ declared }) => declared === undefined)]
    expect([changing.length, adding.length]).toEqual([50, 50])
    expect(changing.every(({ value, declared, manager }) => value !== declared && manager === 'somebody')).toBe(true)
    expect(adding.every(({ manager }) => manager === 'kubectl-edit')).toBe(true)
  })

  it('are of every kind', () => {
    expect(new Set(edits.map(({ kind }) => kind.kind))).toEqual(new Set(['ConfigMap', 'Deployment', 'Service', 'ServiceAccount']))
  })
})

it('is undone when it is as declared again, not before it was seen', () => {
  const edit = editsOf(appNames(1), 1)[0]
  if (edit === undefined) throw new Error('no edit')
  const isUndone = createUndone(new Map([[edit.name, edit]]))
  const seen = (value: unknown) => isUndone({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: edit.name }, data: { GREETING: value } })
  expect([seen(edit.declared), seen(edit.value), seen(edit.value), seen(edit.declared)]).toEqual([false, false, false, true])
})
