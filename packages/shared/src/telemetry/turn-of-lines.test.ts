import { describe, expect, it } from '@jest/globals'
import { setImmediate as turn } from 'node:timers/promises'
import { createTurnOfLines } from './turn-of-lines.ts'

describe('the lines of a turn', () => {
  it('are written together, in their order, once the turn is over', async () => {
    const writes: string[] = []
    const { add } = createTurnOfLines((lines) => void writes.push(lines))
    for (const line of ['a\n', 'b\n']) add(line)
    expect(writes).toEqual([])
    await turn()
    add('c\n')
    await turn()
    await turn()
    expect(writes).toEqual(['a\nb\n', 'c\n'])
  })

  it('are written at once, and only once, where it must not wait', async () => {
    const writes: string[] = []
    const { add, flush } = createTurnOfLines((lines) => void writes.push(lines))
    add('a\n')
    flush()
    flush()
    expect(writes).toEqual(['a\n'])
    await turn()
    expect(writes).toEqual(['a\n'])
  })
})
