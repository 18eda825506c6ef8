import { describe, expect, it } from '@jest/globals'
import { createMemory } from './memory.ts'

const key = (name: string) => ({ namespace: 'apps', name })

describe('memory', () => {
  it('knows who waits, and with whom in a circle', () => {
    const memory = createMemory()
    memory.block(key('a'))
    memory.block(key('b'), [key('b'), key('c'), key('b')])
    expect([memory.isBlocked(key('a')), memory.isBlocked(key('c')), memory.circledWith(key('c')), memory.circledWith(key('a'))]).toEqual([true, false, [key('b')], []])
    memory.block(key('b')) // the circle is broken, and it still waits
    expect([memory.isBlocked(key('b')), memory.circledWith(key('c'))]).toEqual([true, []])
    memory.unblock(key('b'))
    memory.forget(key('a'))
    expect([memory.isBlocked(key('a')), memory.isBlocked(key('b'))]).toEqual([false, false])
  })

  it('remembers changes until they are told', () => {
    const memory = createMemory()
    memory.of(key('a')).unhealthy = true
    expect([memory.of(key('a')).unhealthy, memory.of(key('b')).unhealthy]).toEqual([true, false])
    memory.forget(key('a'))
    expect(memory.of(key('a'))).toEqual({ attempted: undefined, changes: [], dropped: [], unhealthy: false, interrupt: undefined })
  })
})
