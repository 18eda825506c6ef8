import { describe, expect, it } from '@jest/globals'
import { createSourceUsers } from './source-users.ts'

const key = (name: string) => ({ namespace: 'apps', name })
const source = (name: string) => ({ kind: 'GitRepository', namespace: 'apps', name })

describe('createSourceUsers', () => {
  it('knows each key under the source that it builds now', () => {
    const users = createSourceUsers()
    users.set(key('a'), source('one'))
    users.set(key('b'), source('one'))
    users.set(key('a'), source('two'))
    expect([users.of(source('one')), users.of(source('two'))]).toEqual([[key('b')], [key('a')]])
    users.remove(key('b'))
    users.remove(key('nobody'))
    expect(users.of(source('one'))).toEqual([])
  })
})
