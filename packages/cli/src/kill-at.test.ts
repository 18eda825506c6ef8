import { describe, expect, it } from '@jest/globals'
import { killAt } from './kill-at.ts'

describe('the hook that kills a process at a step', () => {
  it('does nothing unless asked', () => {
    expect(killAt({})).toEqual({ kind: 'never' })
    expect(killAt({ WEIR_TEST_KILL_AT: '' })).toEqual({ kind: 'never' })
  })

  it('kills at the n-th time that the step reaches the phase, once', async () => {
    const kills: string[] = []
    const hook = killAt({ WEIR_TEST_KILL_AT: 'write status: ready/end/2' }, () => void kills.push('killed'))
    if (hook.kind !== 'at') throw new Error(hook.kind)
    const reach = async (name: string, phase: 'begin' | 'end'): Promise<number> => {
      await hook.onStep(name, phase)
      return kills.length
    }
    expect(await reach('write status: ready', 'end')).toBe(0)
    expect(await reach('write status: ready', 'begin')).toBe(0)
    expect(await reach('prune', 'end')).toBe(0)
    expect(await reach('write status: ready', 'end')).toBe(1)
    expect(await reach('write status: ready', 'end')).toBe(1)
  })

  it.each(['prune', 'prune/middle', '/begin', 'prune/begin/0', 'prune/begin/x'])('refuses %s: a test that kills nothing proves nothing', (text) => {
    expect(killAt({ WEIR_TEST_KILL_AT: text })).toMatchObject({ kind: 'unreadable' })
  })
})
