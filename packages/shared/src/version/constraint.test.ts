import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { SemVer } from 'semver'
import { callInProcess } from '@weir/shared/testing'
import { highest, matching } from './choose.ts'
import { parseConstraint, VersionError } from './constraint.ts'
import { compareVersions, parseVersion } from './version.ts'
import type { Version } from './version.ts'

function version(text: string): Version {
  const parsed = parseVersion(text)
  if (parsed === undefined) throw new Error(`${text} is no version`)
  return parsed
}

describe('constraint', () => {
  it.each([
    ['>=1.0.0, <2.0.0', '1.5.0', true],
    ['>=1.0.0,<2.0.0', '2.0.0', false],
    ['>=1.0.0', '1.5.0-beta', false],
    ['>=1.0.0-0', '1.5.0-beta', true],
    ['>=1.0.0-0 <2.0.0', '1.5.0-beta', true],
    ['>=1.0.0-0 <2.0.0', '2.0.0-alpha', true],
    ['>=1.0.0-0 || <0.5.0', '0.4.0-alpha', false],
    ['*', '1.0.0-rc.2', false],
    ['*', '1.0.0', true],
    ['*-0', '1.0.0-rc.2', true],
    ['1.x', '1.9.9', true],
    ['1.X.*', '1.9.9', true],
    ['1.x', '1.5.0-beta', false],
    ['1.x', '2.0.0', false],
    ['x', '7.0.0', true],
    ['~1', '1.9.9', true],
    ['~1.2', '1.2.9', true],
    ['~1.2', '1.3.0', false],
    ['~1.2.3', '1.3.0', false],
    ['~>1.2.3', '1.2.9', true],
    ['~0.0.0', '10.0.0', true],
    ['~0.0', '0.1.0', false],
    ['~*', '3.0.0', true],
    ['^0.0', '0.0.4', true],
    ['^0.0', '0.1.0', false],
    ['^0.0.3', '0.0.4', false],
    ['^0.2.3', '0.2.9', true],
    ['^0.2.3', '0.3.0', false],
    ['^0', '0.9.9', true],
    ['^*', '1.2.3', false],
    ['^*', '0.0.0', true],
    ['^1.2.3', '1.9.0', true],
    ['^1.2.3', '1.2.2', false],
    ['^1.2.3-beta.1', '1.3.0-rc1', true],
    ['1.2 - 2', '2.1.0', true],
    ['1.2.3 - 2.0.0', '2.0.1', false],
    ['1.2.3 - 2.0.0', '1.2.3', true],
    ['1 - 2 || 1 - 2', '2.9.0', true],
    ['1.2.3-2.0.0', '1.2.3', false],
    ['1.2.3-2.0.0', '1.2.3-2.0.0', true],
    ['=>1.2.3', '1.2.3', true],
    ['=<1.2.3', '1.2.4', false],
    ['!=1.2.3', '1.2.4', true],
    ['!=1.2.3', '1.2.3', false],
    ['!=1.x', '1.9.9', false],
    ['!=1.2.x', '1.3.0', true],
    ['!=1.2.x-0', '1.2.0-1', true],
    ['!=*', '0.0.0', false],
    ['!=*', '0.0.1', true],
    ['>1', '1.9.9', false],
    ['>1', '2.0.0', true],
    ['>1.2', '1.2.9', false],
    ['>1.2', '1.3.0', true],
    ['>*', '0.0.0', false],
    ['<=1', '1.9.9', true],
    ['<=1.2', '1.2.9', true],
    ['<=1.2', '1.3.0', false],
    ['<2', '2.0.0-alpha', false],
    ['<2.0.0-0', '1.2.3-beta.1', true],
    ['1.2.3', 'v1.2.3', true],
    ['v1.2.3', '1.2.3', true],
    ['1.2.3+build', '1.2.3+other', true],
    ['1.2', '1.2.4', true],
    ['1', '1.2', true],
    ['01.2.3', '1.2.3', true],
    ['>0.0.0-0', '1.0.0-beta', true],
    ['> 1.2.3', '1.3.0', true],
    ['  >=1.0.0   <2.0.0  ', '1.5.0', true],
    ['>=1.0.0 , <2.0.0', '1.5.0', true],
    ['18446744073709551615.0.0', '18446744073709551615.0.0', true],
  ])('%s admits %s: %p', (range, tag, expected) => {
    expect(parseConstraint(range).check(version(tag))).toBe(expected)
  })

  it.each([
    '', ' ', '1.0.0 ||', '|| 1.0.0', 'latest', '> =1.2.3', '1.2.3.4', '>', '1.0.0,', ',1.0.0', '1.0.0,,2.0.0', '1|2', '1.0.0-01', '>=1.0<2.0',
    '18446744073709551616.0.0', '1\u00a0- 2', '>=1.0.0 foo', 'V1', '1.2.3-', 'xx', '1'.repeat(2_000),
  ])('refuses %j', (range) => {
    expect(() => parseConstraint(range)).toThrow(VersionError)
  })

  it.each(['1  ', '1 , ', '1.1-a.', '> ', '1 - ', '|', '1-', '\t'])('ends on a flood of %j', async (part) => {
    const flood = part.repeat(1024).slice(0, 1020) + '!'
    expect(await callInProcess(new URL('./constraint.ts', import.meta.url), 'parseConstraint', flood)).toEqual({ threw: 'VersionError' })
  })

  const numbers = fc.tuple(fc.nat(3), fc.nat(3), fc.nat(3)).map((parts) => parts.join('.'))
  const tag = fc.tuple(numbers, fc.constantFrom('', '', '-alpha', '-rc.1', '-0')).map((parts) => parts.join(''))

  it('admits with || what one alternative admits, and with a comma what all release-only terms admit', () => {
    const operator = fc.constantFrom('', '=', '!=', '>', '<', '>=', '<=', '~', '^')
    const term = fc.tuple(operator, numbers).map((parts) => parts.join(''))
    fc.assert(fc.property(term, term, tag, (left, right, text) => {
      const [a, b] = [left, right].map((one) => parseConstraint(one).check(version(text)))
      expect(parseConstraint(`${left} || ${right}`).check(version(text))).toBe(a || b)
      expect(parseConstraint(`${left}, ${right}`).check(version(text))).toBe(a && b)
      expect(parseConstraint(`${left} ${right}`).check(version(text))).toBe(a && b)
    }))
  })

  it('either parses or throws a VersionError, whatever the text', () => {
    const piece = fc.constantFrom('1', '.', 'x', '*', '-', ' ', ',', '|', '||', '>', '<', '=', '!', '~', '^', 'v', '+a', '-rc.1', '\n')
    fc.assert(fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      try {
        parseConstraint(pieces.join('')).check(version('1.1.1'))
      } catch (error) {
        expect(error).toBeInstanceOf(VersionError)
      }
    }))
  })

  it('chooses the highest tag and keeps its text', () => {
    const tags = ['v1.0', 'latest', '1.9.0', 'v1.10.0', '2.0.0-rc.1', 'V3.0.0', '']
    expect(highest(tags, parseConstraint('1.x'))?.raw).toBe('v1.10.0')
    expect(highest(tags, parseConstraint('>=1.0.0-0'))?.raw).toBe('2.0.0-rc.1')
    expect(highest(tags, parseConstraint('4.x'))).toBeUndefined()
    expect(matching(['1.0.0+b', 'v1.0.0', '1.0'], parseConstraint('1.0.0')).map((found) => found.raw)).toEqual(['1.0.0+b', 'v1.0.0', '1.0'])
  })

  it('orders versions as the semver package does', () => {
    fc.assert(fc.property(tag, tag, (a, b) => {
      expect(Math.sign(compareVersions(version(a), version(b)))).toBe(new SemVer(a).compare(b))
    }))
  })
})
