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
})
