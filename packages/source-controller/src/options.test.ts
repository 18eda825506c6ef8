import { describe, expect, it } from '@jest/globals'
import { parseOptions } from './options.ts'

describe('parseOptions', () => {
  it('has defaults for everything', () => {
    expect(parseOptions([], {})).toMatchObject({ ok: true, ignored: [], options: { namespace: undefined, flags: { 'storage-path': '/data', 'artifact-digest-algo': 'sha256' } } })
  })

  it.each([[['--no-cross-namespace-refs']], [['--default-service-account=deployer']], [['--no-such-flag']], [['--artifact-digest-algo=md5']], [['--watch-all-namespaces=false']]])('ends with exit 2 on %j', (argv) => {
    expect(parseOptions(argv, {})).toMatchObject({ ok: false, exitCode: 2 })
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
