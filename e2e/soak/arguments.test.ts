import { describe, expect, it } from '@jest/globals'
import { parseArguments } from './arguments.ts'

describe('arguments of the soak', () => {
  it.each([
    [['--minutes', '60'], { minutes: 60, kustomizations: 300, seed: 1, record: undefined, heap: undefined }],
    [['--minutes=5', '--kustomizations=20', '--seed', '7', '--record', '/tmp/r', '--heap=/tmp/h'], { minutes: 5, kustomizations: 20, seed: 7, record: '/tmp/r', heap: '/tmp/h' }],
  ])('%j', (argv, run) => {
    expect(parseArguments(argv)).toEqual({ kind: 'run', run })
  })

  it.each([
    [[], 'how long? --minutes M'],
    [['--minutes'], '--minutes needs a value'],
    [['--minutes', '0'], '--minutes 0: a whole number in its range is expected'],
    [['--minutes', 'ten'], '--minutes ten: a whole number in its range is expected'],
    [['--minutes', '1', '--kustomizations', '9'], '--kustomizations 9: a whole number in its range is expected'],
    [['--hours', '1'], 'there is no argument --hours'],
    [['constructor'], 'there is no argument constructor'],
  ])('%j is refused', (argv, message) => {
    expect(parseArguments(argv)).toEqual({ kind: 'wrong', message })
  })

  it('shows its usage', () => {
    expect(parseArguments(['--minutes', '1', '--help'])).toEqual({ kind: 'help' })
  })
})
