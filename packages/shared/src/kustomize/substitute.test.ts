import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { callInProcess } from '@weir/shared/testing'
import { substitute } from './substitute.ts'
import { SubstitutionError } from './substitute-error.ts'

const variables = new Map([
  ['v', 'abcDEF'],
  ['empty', ''],
  ['file', 'path/to/bash.string.txt'],
  ['twice', 'abcABC123ABCabc'],
  ['city', 'Zürich'],
  ['n', '2'],
  ['minus', '-2'],
  ['dollars', "a$&b$'c$$d"],
  ['slash', 'a/b/c'],
  ['back', 'a\\b'],
])

function strictly(text: string): string {
  return substitute(text, variables, { strict: true })
}

describe('substitute', () => {
  it.each([
    // Text.
    ['no dollar', 'no dollar'],
    ['$v and $ and {v} and }', '$v and $ and {v} and }'],
    ['$${v}', '${v}'],
    ['$$', '$'],
    ['$$$$', '$$'],
    ['$$$', '$$'],
    ['$$${v}', '$abcDEF'],
    ['a${v}b${n}c', 'aabcDEFb2c'],
    ['some ${n}$${v$${n}$n${n}', 'some 2${v${n}$n2'],
    ['something $${v=${n}}', 'something ${v=2}'],
    ['\\\\${n}\\/', '\\\\2\\/'],
    ['end $', 'end $'],
    // Value.
    ['${v}', 'abcDEF'],
    ['${empty}', ''],
    ['${dollars}', "a$&b$'c$$d"],
    // Default: five spellings, one meaning.
    ...[':-', ':=', '=', ':?', ':+'].flatMap((operator): [string, string][] => [
      [`\${v${operator}d}`, 'abcDEF'],
      [`\${unset${operator}d}`, 'd'],
      [`\${empty${operator}d}`, 'd'],
      [`\${unset${operator}}`, ''],
    ]),
    ['${unset:-${n}}', '2'],
    ['${unset:-a${n}b${v^^}c}', 'a2bABCDEFc'],
    ['${unset:-${also:-${empty:-deep}}}', 'deep'],
    ['${unset:-http://x:80/?a=b#c}', 'http://x:80/?a=b#c'],
    ['${unset:-a b\nc}', 'a b\nc'],
    ['${unset:-{}}', '{}'],
    ['${unset:-$$x}', '$$x'],
    ['${unset:--3}', '-3'],
    // Substring, in bytes.
    ['${v:0}', 'abcDEF'],
    ['${v:2}', 'cDEF'],
    ['${v:2:2}', 'cD'],
    ['${v:2:99}', 'cDEF'],
    ['${v:6}', ''],
    ['${v:99}', ''],
    ['${v:99:1}', ''],
    ['${v:2:0}', ''],
    ['${v:1:-1}', 'bcDE'],
    ['${v:2:-1}', 'cDE'],
    ['${v:2:-4}', ''],
    ['${v:2:-5}', ''],
    ['${v:2:-99}', ''],
    ['${v:99:-1}', ''],
    ['${v:${minus}}', 'EF'],
    ['${v:${minus}:1}', 'E'],
    ['${v:${minus}:-1}', 'E'],
    ['${v: -2}', 'abcDEF'],
    ['${v:x}', 'abcDEF'],
    ['${v:1:x}', 'abcDEF'],
    ['${v:1_0}', 'abcDEF'],
    ['${v:99999999999999999999}', 'abcDEF'],
    ['${v:${n}:${n}}', 'cD'],
    ['${v:1::2}', 'bc'],
    ['${city:0:1}', 'Z'],
    ['${city:1:2}', 'ü'],
    // Length, in bytes.
    ['${#v}', '6'],
    ['${#city}', '7'],
    ['${#empty}', '0'],
    // Case.
    ['${v^}', 'AbcDEF'],
    ['${v^^}', 'ABCDEF'],
    ['${v,}', 'abcDEF'],
    ['${v,,}', 'abcdef'],
    ['${city^^}', 'ZÜRICH'],
    ['${empty^}', ''],
    ['${v^,}', 'abcDEF'],
    // Replace.
    ['${twice/abc/xyz}', 'xyzABC123ABCabc'],
    ['${twice//abc/xyz}', 'xyzABC123ABCxyz'],
    ['${twice/#abc/xyz}', 'xyzABC123ABCabc'],
    ['${twice/%abc/xyz}', 'abcABC123ABCxyz'],
    ['${twice/#ABC/xyz}', 'abcABC123ABCabc'],
    ['${twice/%ABC/xyz}', 'abcABC123ABCabc'],
    ['${twice/abc/}', 'ABC123ABCabc'],
    ['${twice//abc/}', 'ABC123ABC'],
    ['${twice/#abc/}', 'abcABC123ABCabc'],
    ['${twice/%abc/}', 'abcABC123ABCabc'],
    ['${v/#/pre-}', 'pre-abcDEF'],
    ['${v/%/-post}', 'abcDEF-post'],
    ['${v/a/$&}', '$&bcDEF'],
    ['${v//a/$&}', '$&bcDEF'],
    ['${slash/\\//-}', 'a-b/c'],
    ['${slash//\\//-}', 'a-b-c'],
    ['${back/\\\\/\\/}', 'a/b'],
    ['${v/a//b}', 'bbcDEF'],
    ['${v/${unset:-abc}/${n}}', '2DEF'],
    ['${v///-}', '-a-b-c-D-E-F-'],
    ['${v/x} y/z}', 'abcDEF'],
    // Strip by glob.
    ['${file#*/}', 'to/bash.string.txt'],
    ['${file##*/}', 'bash.string.txt'],
    ['${file%.*}', 'path/to/bash.string'],
    ['${file%%.*}', 'path/to/bash'],
    ['${file##*.}', 'txt'],
    ['${v#a}', 'bcDEF'],
    ['${v#b}', 'abcDEF'],
    ['${v#?}', 'bcDEF'],
    ['${v%?}', 'abcDE'],
    ['${v#[a-c]}', 'bcDEF'],
    ['${v#[^a]}', 'abcDEF'],
    ['${v%[D-F]}', 'abcDE'],
    ['${v%%[A-Z]*}', 'abc'],
    ['${v##*}', ''],
    ['${v#[}', 'abcDEF'],
    ['${v#[]}', 'abcDEF'],
    ['${v#[a-]}', 'abcDEF'],
    ['${v#\\a}', 'bcDEF'],
    ['${city%?}', 'Züric'],
    ['${city#Z?}', 'rich'],
    ['${v###}', 'abcDEF'],
    ['${empty#*}', ''],
  ])('makes of %j %j', (text, expected) => {
    expect(strictly(text)).toBe(expected)
  })

  it.each([
    '${v-d}',
    '${v+d}',
    '${v?d}',
    '${v d}',
    '${v',
    '${v:-d',
    '${v:-${n}',
    '${}',
    '${ v }',
    '${-v}',
    '${#}',
    '${##v}',
    '${#v:1}',
    '${v:}',
    '${v::1}',
    '${v:1:}',
    '${v:1${n}}',
    '${v:1:2${n}}',
    '${v#}',
    '${v%}',
    '${v/a}',
    '${v/a/b',
    '${v/a${n}/b}',
    '${v/a/b${n}}',
    '${v^^^}',
    '${v^x}',
    '${v#a${n}}',
  ])('refuses %j', (text) => {
    expect(() => strictly(text)).toThrow(SubstitutionError)
  })

  it('names the variable of an expression that does not parse, and no value', () => {
    expect(() => strictly('secret-text ${v-d} more')).toThrow('missing closing brace: "${v"')
  })

  it.each(['${unset}', '${#unset}', '${unset^}', '${unset,,}', '${unset:1}', '${unset/a/b}', '${unset##a}', '${v:-${unset}}'])(
    'refuses %j where strict',
    (text) => {
      expect(() => strictly(text)).toThrow('variable not set (strict mode): "unset"')
    },
  )

  it.each([
    ['<${unset}>', '<>'],
    ['<${#unset}>', '<0>'],
    ['<${unset^^}>', '<>'],
    ['<${unset/#/b}>', '<b>'],
    ['<${v:-${unset}}>', '<abcDEF>'],
  ])('makes of %j %j where not strict', (text, expected) => {
    expect(substitute(text, variables, { strict: false })).toBe(expected)
  })

  it('refuses to cut a character in half', () => {
    expect(() => strictly('${city:0:2}')).toThrow(SubstitutionError)
  })

  it('survives nesting without end', () => {
    expect(() => strictly('${a:-'.repeat(100_000))).toThrow(SubstitutionError)
  })

  it('takes time in proportion to value and pattern', async () => {
    const value = 'a'.repeat(100_000)
    const outcome = await callInProcess(new URL('./substitute.ts', import.meta.url), 'substitute', '${v##*a*a*a*a*a*a*a*a*b}', new Map([['v', value]]), { strict: true })
    expect(outcome).toEqual({ value })
  })

  it('leaves text without a dollar as it is', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const plain = text.replaceAll('$', '')
      expect(strictly(plain)).toBe(plain)
    }))
  })

  it('puts any value in as it is, and escaped text out as it was', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (text, value) => {
      const escaped = text.replaceAll('$', '$$$$')
      const one = new Map([['x', value]])
      expect(substitute(`${escaped}\${x}${escaped}`, one, { strict: true })).toBe(text + value + text)
    }))
  })

  it('ends every text in a string or a SubstitutionError', () => {
    const piece = fc.constantFrom('${', '}', '$', 'v', 'unset', ':', '-', '/', '#', '%', '^', ',', '*', '[', ']', '?', '\\', '1', 'é', ' ')
    fc.assert(fc.property(fc.array(piece, { maxLength: 14 }), fc.boolean(), (pieces, strict) => {
      try {
        expect(typeof substitute(pieces.join(''), variables, { strict })).toBe('string')
      } catch (error) {
        expect(error).toBeInstanceOf(SubstitutionError)
      }
    }), { numRuns: 2_000 })
  })

  it('slices like bash at every position and length', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary-ascii' }), fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 20 }), (value, at, length) => {
      const one = new Map([['x', value]])
      expect(substitute(`\${x:${at}:${length}}`, one, { strict: true })).toBe(value.slice(at, at + length))
      expect(substitute(`\${x:${at}:-${length}}`, one, { strict: true })).toBe(
        length === 0 ? '' : value.slice(at, Math.max(at, value.length - length)),
      )
    }))
  })
})
