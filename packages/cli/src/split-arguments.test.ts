import { describe, expect, it } from '@jest/globals'
import { splitArguments, type ArgumentOwner } from './split-arguments.ts'

const owners: readonly ArgumentOwner[] = [
  { prefix: 'source', flags: { concurrent: { bare: false }, 'storage-path': { bare: false }, verbose: { bare: true } } },
  { prefix: 'kustomize', flags: { concurrent: { bare: false }, verbose: { bare: true } } },
]

describe('splitArguments', () => {
  it.each([
    [['--concurrent=4'], [['--concurrent=4'], ['--concurrent=4']]],
    [['--concurrent', '4'], [['--concurrent', '4'], ['--concurrent', '4']]],
    [['--storage-path', '/data'], [['--storage-path', '/data'], []]],
    [['--kustomize.concurrent=8', '--source.concurrent=2'], [['--concurrent=2'], ['--concurrent=8']]],
    [['--verbose', '--storage-path=/x=y'], [['--verbose', '--storage-path=/x=y'], ['--verbose']]],
    [['-h'], [['-h'], ['-h']]],
  ])('deals out %j', (argv, dealt) => {
    expect(splitArguments(argv, owners)).toEqual({ ok: true, argv: dealt })
  })

  it.each([
    [['--nope'], 'unknown flag: --nope'],
    [['--kustomize.storage-path=/x'], 'unknown flag: --kustomize.storage-path'],
    [['--helm.concurrent=1'], 'unknown flag: --helm.concurrent'],
    [['stray'], 'unexpected argument "stray"'],
  ])('refuses %j', (argv, message) => {
    expect(splitArguments(argv, owners)).toEqual({ ok: false, message })
  })
})
