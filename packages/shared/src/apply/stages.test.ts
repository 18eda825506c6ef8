import { describe, expect, it } from '@jest/globals'
import { toDeletionRanks, toStages } from './stages.ts'

const id = (kind: string, group = '') => ({ group, kind, namespace: '', name: kind.toLowerCase() })
const kindsOf = (ranks: readonly (readonly { kind: string }[])[]) => ranks.map((rank) => rank.map(({ kind }) => kind))

describe('toStages', () => {
  it('puts definitions, classes, custom kinds and the rest one after the other', () => {
    const objects = [id('Deployment', 'apps'), id('Widget', 'example.com'), id('StorageClass'), id('Namespace'), id('ClusterRole'), id('Role'), id('RoleBinding')]
    const stages = toStages(objects, (at) => at, ['example.com/Widget'])
    expect(stages.map(({ name, waits, ranks }) => [name, waits, kindsOf(ranks)])).toEqual([
      ['definitions', true, [['Namespace', 'ClusterRole']]],
      ['classes', true, [['StorageClass']]],
      ['custom', false, [['Widget']]],
      ['rest', false, [['Role'], ['RoleBinding'], ['Deployment']]],
    ])
  })

  it('takes a Namespace of another group for what it is', () => {
    expect(toStages([id('Namespace', 'example.com')], (at) => at).map(({ name }) => name)).toEqual(['rest'])
  })

  it('has no empty stage', () => {
    expect(toStages([], (at: ReturnType<typeof id>) => at)).toEqual([])
  })
})

it('deletes in the reverse order', () => {
  expect(kindsOf(toDeletionRanks([id('Namespace'), id('Deployment', 'apps'), id('ConfigMap'), id('Secret')], (at) => at))).toEqual([['Deployment'], ['Secret', 'ConfigMap'], ['Namespace']])
})
