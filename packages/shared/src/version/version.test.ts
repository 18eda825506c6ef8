import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { compareVersions, parseVersion } from './version.ts'

describe('version', () => {
  it.each([
    ['1.2.3', ['1', '2', '3', '', '']],
    ['v1.2.3-rc.1+build.7', ['1', '2', '3', 'rc.1', 'build.7']],
    ['v2', ['2', '0', '0', '', '']],
    ['1.2-beta', ['1', '2', '0', 'beta', '']],
    ['01.002.3', ['1', '2', '3', '', '']],
    ['18446744073709551615.0.0', ['18446744073709551615', '0', '0', '', '']],
    ['1.0.0-0', ['1', '0', '0', '0', '']],
    ['1.0.0--', ['1', '0', '0', '-', '']],
  ])('reads %s', (raw, [major, minor, patch, prerelease, metadata]) => {
    const found = parseVersion(raw)
    expect(found && [String(found.major), String(found.minor), String(found.patch), found.prerelease, found.metadata]).toEqual([major, minor, patch, prerelease, metadata])
    expect(found?.raw).toBe(raw)
  })

  it.each(['', ' 1.2.3', '1.2.3 ', 'V1', '=1.2.3', '1.2.3.4', '1.x', 'latest', '1.0.0-01', '1.0.0-', '1.0.0+', '1.0.0-a..b', '18446744073709551616.0.0', '1.2.3\n', `1.0.0-${'a'.repeat(300)}`])(
    'does not take %j for a version',
    (raw) => {
      expect(parseVersion(raw)).toBeUndefined()
    },
  )

  it('orders as the specification says', () => {
    const ordered = ['0.9.9', '1.0.0-1', '1.0.0-2', '1.0.0-10', '1.0.0-alpha', '1.0.0-alpha.1', '1.0.0-alpha.beta', '1.0.0-rc.1', '1.0.0', '1.0.1', '9007199254740993.0.0', '9007199254740994.0.0']
    const versions = ordered.map((raw) => parseVersion(raw)).filter((found) => found !== undefined)
    fc.assert(fc.property(fc.shuffledSubarray(versions, { minLength: versions.length }), (shuffled) => {
      expect([...shuffled].sort(compareVersions).map((found) => found.raw)).toEqual(ordered)
    }))
  })
})
