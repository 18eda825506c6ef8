import { describe, expect, it } from '@jest/globals'
import { sharedFlags } from './flags.ts'
import { bool, durationMs, int, text, texts, type Gate } from './options.ts'
import { parseFlags } from './parse-flags.ts'

const flags = {
  addr: text(':8080', 'Address.', { env: 'ADDR' }),
  fast: bool(false, 'Fast.'),
  workers: int(4, 'Workers.'),
  every: durationMs(60_000, 'Every.'),
  managers: texts([], 'Managers.'),
  lockdown: bool(false, 'Lockdown.', { support: 'refused' }),
  account: text('', 'Account.', { support: 'refused' }),
  qps: int(50, 'QPS.', { support: 'ignored' }),
  'feature-gates': text('', 'Gates.'),
}
const gates: Readonly<Record<string, Gate>> = {
  Strict: { default: true, meaning: 'Strict.', support: 'built' },
  Old: { default: false, meaning: 'Old.', support: 'ignored' },
  Danger: { default: false, meaning: 'Danger.', support: 'refused' },
}

const parse = (argv: readonly string[], env: Readonly<Record<string, string>> = {}) => parseFlags({ flags, gates, argv, env })

describe('parseFlags accepts what pflag accepts', () => {
  it.each<readonly [readonly string[], Readonly<Record<string, unknown>>]>([
    [[], { addr: ':8080', fast: false, workers: 4, every: 60_000, managers: [] }],
    [['--addr=:1', '--workers', '7'], { addr: ':1', workers: 7 }],
    [['--addr='], { addr: '' }],
    [['--addr', '--fast'], { addr: '--fast', fast: false }],
    [['--addr=a=b'], { addr: 'a=b' }],
    [['--fast', '--workers=0x10'], { fast: true, workers: 16 }],
    [['--fast=false'], { fast: false }],
    [['--fast=T'], { fast: true }],
    [['--workers=1', '--workers=2'], { workers: 2 }],
    [['--workers=-3'], { workers: -3 }],
    [['--every=1h30m'], { every: 5_400_000 }],
    [['--managers=a,b', '--managers', 'c'], { managers: ['a', 'b', 'c'] }],
    [['--lockdown=false', '--account='], { lockdown: false }],
  ])('%j', (argv, expected) => {
    expect(parse(argv)).toMatchObject({ ok: true, flags: expected, ignored: [] })
  })
})

describe('parseFlags ends with exit 2', () => {
  it.each<readonly [readonly string[], string]>([
    [['--nope'], 'unknown flag: --nope'],
    [['--toString=1'], 'unknown flag: --toString'],
    [['stray'], 'unexpected argument "stray"'],
    [['--fast', 'false'], 'unexpected argument "false"'],
    [['-v'], 'unexpected argument "-v"'],
    [['--'], 'unexpected argument "--"'],
    [['--workers'], 'flag needs an argument: --workers'],
    [['--workers=many'], 'invalid argument "many" for --workers: expected int'],
    [['--workers=1.5'], 'invalid argument "1.5" for --workers: expected int'],
    [['--fast=yes'], 'invalid argument "yes" for --fast: expected bool'],
    [['--every=60'], 'invalid argument "60" for --every: expected duration'],
    [['--lockdown'], 'not built yet, and running without it would be unsafe: --lockdown'],
    [['--account=x', '--feature-gates=Danger=true'], 'not built yet, and running without it would be unsafe: --account, feature gate Danger'],
    [['--feature-gates=Nope=true'], 'unknown feature gate: Nope'],
    [['--feature-gates=Strict'], 'invalid value of feature gate Strict: expected Strict=true or Strict=false'],
  ])('%j', (argv, message) => {
    expect(parse(argv)).toEqual({ ok: false, exitCode: 2, message })
  })
})

describe('parseFlags', () => {
  it('reads gates from all occurrences, the last word counts', () => {
    const parsed = parse(['--feature-gates=Strict=false,Old=true', '--feature-gates', 'Strict=1'])
    expect(parsed).toMatchObject({ ok: true, ignored: ['feature gate Old has no effect here'] })
    expect(parsed.ok && [...parsed.gates]).toEqual([['Strict', true], ['Old', true], ['Danger', false]])
  })

  it('lets the environment speak only where the command line does not', () => {
    expect(parse([], { ADDR: ':2' })).toMatchObject({ flags: { addr: ':2' }, given: new Set(['addr']) })
    expect(parse(['--addr=:3'], { ADDR: ':2' })).toMatchObject({ flags: { addr: ':3' } })
    expect(parse([], { ADDR: '' })).toMatchObject({ flags: { addr: ':8080' } })
  })

  it('tells once that a flag has no effect, and only when it asks for something', () => {
    expect(parse(['--qps=100'])).toMatchObject({ ignored: ['--qps has no effect here'] })
    expect(parse(['--qps=50'])).toMatchObject({ ignored: [] })
  })

  it('explains itself', () => {
    const help = parse(['--help'])
    expect(help).toMatchObject({ ok: false, exitCode: 0 })
    expect(help.ok ? '' : help.message).toContain('--every duration\n        Every. (default 1m0s)')
  })

  it('knows the flags of every controller with their Flux defaults', () => {
    const parsed = parseFlags({ flags: sharedFlags, argv: [], env: {} })
    expect(parsed).toMatchObject({ ok: true, flags: { 'health-addr': ':9440', 'metrics-addr': ':8080', 'max-retry-delay': 900_000, concurrent: undefined } })
  })
})
