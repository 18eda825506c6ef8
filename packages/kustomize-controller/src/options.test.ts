import { describe, expect, it } from '@jest/globals'
import { parseOptions } from './options.ts'

describe('parseOptions', () => {
  it('has defaults for everything', () => {
    const parsed = parseOptions([], {})
    expect(parsed).toMatchObject({ ok: true, ignored: [], options: { namespace: undefined, flags: { 'concurrent-ssa': 4, 'http-retry': 9, 'cache-path': '', 'requeue-dependency': 30_000 } } })
    expect(parsed.ok && parsed.options.gates.get('StrictPostBuildSubstitutions')).toBe(true)
  })

  it.each([[['--no-cross-namespace-refs']], [['--no-cross-namespace-refs=true']], [['--default-service-account=deployer']], [['--no-such-flag']], [['--concurrent-ssa=many']], [['--watch-all-namespaces=false']]])('ends with exit 2 on %j', (argv) => {
    expect(parseOptions(argv, {})).toMatchObject({ ok: false, exitCode: 2 })
  })

  it('accepts what only has to be accepted, and says that it has no effect', () => {
    const parsed = parseOptions(['--no-cross-namespace-refs=false', '--sops-age-secret=keys', '--feature-gates=GroupChangeLog=true'], {})
    expect(parsed.ok && parsed.ignored.join(' ')).toMatch(/sops-age-secret.*GroupChangeLog|GroupChangeLog.*sops-age-secret/)
  })

  it('watches its own namespace where it may not watch all', () => {
    expect(parseOptions(['--watch-all-namespaces=false'], { RUNTIME_NAMESPACE: 'weir-system' })).toMatchObject({ ok: true, options: { namespace: 'weir-system' } })
  })

  it('refuses durations of a lease that let two lead, where there is an election', () => {
    const argv = ['--leader-election-lease-duration=15s']
    const message = '--leader-election-lease-duration=15s must be longer than --leader-election-renew-deadline=30s: two could lead at once'
    expect(parseOptions(['--enable-leader-election', ...argv], {})).toEqual({ ok: false, exitCode: 2, message })
    expect(parseOptions(argv, {})).toMatchObject({ ok: true })
  })

  it('takes durations of a lease that fit together', () => {
    const argv = ['--enable-leader-election', '--leader-election-lease-duration=3s', '--leader-election-renew-deadline=2s', '--leader-election-retry-period=500ms']
    expect(parseOptions(argv, {})).toMatchObject({ ok: true, options: { flags: { 'leader-election-lease-duration': 3_000 } } })
  })
})
