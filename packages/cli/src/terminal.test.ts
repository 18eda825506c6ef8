import { describe, expect, it } from '@jest/globals'
import { createTerminal } from './terminal.ts'

const stream = (isTTY: boolean): Parameters<typeof createTerminal>[0]['stdout'] => ({ isTTY, columns: 80, write: () => true })

describe('createTerminal', () => {
  it.each([
    ['a terminal', true, {}, true],
    ['an empty NO_COLOR', true, { NO_COLOR: '' }, true],
    ['NO_COLOR', true, { NO_COLOR: '1' }, false],
    ['a dumb terminal', true, { TERM: 'dumb' }, false],
    ['a pipe', false, {}, false],
  ])('colours with %s: %s', (_, isTTY, env, coloured) => {
    const { paint } = createTerminal({ stdout: stream(isTTY), stderr: stream(true) }, env)
    expect(paint('red', 'x')).toBe(coloured ? '\u001b[31mx\u001b[39m' : 'x')
  })

  it('has no width where it is no terminal', () => {
    expect(createTerminal({ stdout: stream(false), stderr: stream(false) }, {}).columns()).toBeUndefined()
    expect(createTerminal({ stdout: stream(true), stderr: stream(false) }, {}).columns()).toBe(80)
  })
})
