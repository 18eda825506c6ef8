import { describe, expect, it } from '@jest/globals'
import { parseOptions } from './options.ts'

describe('parseOptions', () => {
  it('has defaults for everything', () => {
    expect(parseOptions([], {})).toMatchObject({ ok: true, ignored: [], options: { namespace: undefined, flags: { 'storage-path': '/data', 'artifact-digest-algo': 'sha256' } } })
  })

  it.each([[['--no-cross-namespace-refs']], [['--default-service-account=deployer']], [['--no-such-flag']], [['--artifact-digest-algo=md5']], [['--watch-all-namespaces=false']]])('ends with exit 2 on %j', (argv) => {
    expect(parseOptions(argv, {})).toMatchObject({ ok: false, exitCode: 2 })
  })
})
