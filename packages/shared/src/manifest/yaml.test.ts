import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { callInProcess } from '@weir/shared/testing'
import { dumpYaml, jsonOf, parseYaml, parseYamlDocuments } from './yaml.ts'
import { YamlError } from './yaml-error.ts'
import type { YamlDialect } from './yaml.ts'

const scalar = (text: string, dialect: YamlDialect): string => jsonOf(parseYaml(`v: ${text}\n`, { dialect })).slice('{"v":'.length, -1)

describe('parseYaml', () => {
  it.each([
    // text, sigs.k8s.io/yaml, kyaml
    ['yes', 'true', '"yes"'], ['No', 'false', '"No"'], ['on', 'true', '"on"'], ['OFF', 'false', '"OFF"'], ['y', 'true', '"y"'], ['N', 'false', '"N"'],
    ['true', 'true', 'true'], ['False', 'false', 'false'], ['tRue', '"tRue"', '"tRue"'],
    ['~', 'null', 'null'], ['', 'null', 'null'], ['Null', 'null', 'null'], ['nUll', '"nUll"', '"nUll"'],
    ['0777', '511', '511'], ['0o17', '15', '15'], ['0x1F', '31', '31'], ['-0x1f', '-31', '-31'], ['0b11', '3', '3'], ['1_000', '1000', '1000'], ['+5', '5', '5'], ['08', '8', '8'],
    ['12345678901234567890', '12345678901234567890', '12345678901234567890'], ['-9223372036854775808', '-9223372036854775808', '-9223372036854775808'],
    ['1e3', '1000', '1000'], ['1.5', '1.5', '1.5'], ['.5', '0.5', '0.5'], ['1.', '1', '1'], ['1e400', '"1e400"', '"1e400"'], ['1.2.3', '"1.2.3"', '"1.2.3"'],
    ['.', '"."', '"."'], ['12:30:45', '"12:30:45"', '"12:30:45"'], ['190:20:30', '"190:20:30"', '"190:20:30"'],
    ['2001-01-01', '"2001-01-01"', '"2001-01-01T00:00:00Z"'], ['2024-1-1', '"2024-1-1"', '"2024-01-01T00:00:00Z"'], ['2001-02-30', '"2001-02-30"', '"2001-02-30"'],
    ['2001-12-14 21:59:43.10', '"2001-12-14 21:59:43.10"', '"2001-12-14T21:59:43.1Z"'], ['2001-12-14t1:2:3+02:00', '"2001-12-14t1:2:3+02:00"', '"2001-12-14T01:02:03+02:00"'],
    ['2001-12-14 21:59:43 -5', '"2001-12-14 21:59:43 -5"', '"2001-12-14 21:59:43 -5"'], ['2001-12-14T21:59:43', '"2001-12-14T21:59:43"', '"2001-12-14T21:59:43"'],
    ['"yes"', '"yes"', '"yes"'], ['!!str 1', '"1"', '"1"'], ['!custom 1', '"1"', '"1"'], ['!!binary aGk=', '"hi"', '"hi"'], ['!x {a: 1}', '{"a":1}', '{"a":1}'],
  ])('reads %j as %s, and in kyaml as %s', (text, go, kyaml) => {
    expect(scalar(text, 'go')).toBe(go)
    expect(scalar(text, 'kyaml')).toBe(kyaml)
  })

  it('refuses numbers that JSON cannot hold', () => {
    for (const text of ['.inf', '-.Inf', '.NaN']) expect(() => parseYaml(`v: ${text}\n`, { dialect: 'go' })).toThrow(YamlError)
    expect(parseYaml(dumpYaml(['.inf', '.nan']), { dialect: 'go' })).toEqual(['.inf', '.nan'])
  })

  it('expands anchors and merge keys', () => {
    const text = 'base: &b {a: 1, c: 2}\nuse: {<<: *b, c: 3}\n'
    for (const dialect of ['go', 'kyaml'] as const) expect(parseYaml(text, { dialect })).toEqual({ base: { a: 1, c: 2 }, use: { a: 1, c: 3 } })
  })

  it('lets the last of two equal keys win, unless told otherwise', () => {
    expect(parseYaml('a: 1\na: 2\n', { dialect: 'go' })).toEqual({ a: 2 })
    expect(() => parseYaml('a: 1\na: 2\n', { dialect: 'go', strict: true })).toThrow(YamlError)
    expect(() => parseYaml('a: 1\na: 2\n', { dialect: 'kyaml' })).toThrow(YamlError)
  })

  it('reads keys that are no text as Go prints them', () => {
    expect(parseYaml('y: 1\n2: b\n', { dialect: 'go' })).toEqual({ true: 1, 2: 'b' })
  })

  it('takes several documents, empty ones and none', () => {
    expect(parseYamlDocuments('---\na: 1\n---\n---\nb: 2\n', { dialect: 'go' })).toEqual([{ a: 1 }, null, { b: 2 }])
    expect(parseYamlDocuments('# only this\n', { dialect: 'go' })).toEqual([])
    expect(parseYaml('', { dialect: 'go' })).toBeUndefined()
  })

  it.each([
    ['a: b\n  c: [\n', 2],
    ['ok: 1\nbad: "\n', 3],
    ['a: *none\n', 1],
    ['a:\n\t- b\n', 2],
  ])('names the line of %j', (text, line) => {
    expect.assertions(1)
    try {
      parseYaml(text, { dialect: 'go' })
    } catch (error) {
      expect(error).toMatchObject({ name: 'YamlError', line })
    }
  })

  it('does not let a key reach the prototype', () => {
    const parsed = parseYaml('__proto__: {polluted: 1}\n', { dialect: 'go' }) as object
    expect(Object.getPrototypeOf(parsed)).toBe(Object.prototype)
    expect(({} as { polluted?: number }).polluted).toBeUndefined()
    const tagged = parseYaml('v: !x {__proto__: {polluted: 1}}\n', { dialect: 'go' }) as { v: object }
    expect(Object.getPrototypeOf(tagged.v)).toBe(Object.prototype)
  })

  it.each([
    ['aliases of aliases', `a0: &a0 [x,x]\n${Array.from({ length: 60 }, (_, n) => `a${n + 1}: &a${n + 1} [*a${n},*a${n}]\n`).join('')}`],
    ['lists in lists', '['.repeat(100_000)],
    ['maps in maps', '{a: '.repeat(100_000)],
    ['dashes in dashes', `${'- '.repeat(50_000)}x`],
    ['too many bytes', 'a'.repeat(17 * 1024 * 1024)],
  ])('refuses %s', async (_bomb, text) => {
    const outcome = await callInProcess(new URL('./yaml.ts', import.meta.url), 'parseYaml', text, { dialect: 'go' })
    expect('threw' in outcome && outcome.threw).toBe('YamlError') // the value of a bomb is nothing to print
  })

  it('ends every text in a value or a YamlError', () => {
    const piece = fc.constantFrom('a', ': ', '- ', '\n', '  ', '[', ']', '{', '}', '&x ', '*x', '<<', '|', '>', '"', "'", '!', '!!int ', '? ', '---', '%', '\t', '\u0000', '0x', '1e9')
    fc.assert(fc.property(fc.array(piece, { maxLength: 20 }), fc.constantFrom<YamlDialect>('go', 'kyaml'), (pieces, dialect) => {
      try {
        jsonOf(parseYamlDocuments(pieces.join(''), { dialect }))
      } catch (error) {
        expect(error).toBeInstanceOf(YamlError)
      }
    }), { numRuns: 5_000 })
  })
})

describe('dumpYaml', () => {
  it('lays out as Go does', () => {
    expect(dumpYaml({ b: [{ y: 1, x: 'yes' }], a: { d: {}, c: [] }, text: 'a\nb\n', big: 12345678901234567890n })).toBe(
      'a:\n  c: []\n  d: {}\nb:\n- x: "yes"\n  "y": 1\nbig: 12345678901234567890\ntext: |\n  a\n  b\n',
    )
  })

  it('is read back as it was, in both dialects', () => {
    fc.assert(fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
      const json = JSON.stringify(value)
      if (/\\ud[89a-f]|__proto__|-0\b/.test(json)) return
      for (const dialect of ['go', 'kyaml'] as const) expect(JSON.parse(jsonOf(parseYaml(dumpYaml(value), { dialect })))).toEqual(JSON.parse(json))
    }), { numRuns: 1_000 })
  })

  it.each(['yes', 'n', '~', '', ' x', '0777', '1_000', '0b1', '1e3', '12:30:45', '2001-01-01', '.5', 'null', '=', '<<', '- a', 'a: b', '#c', '@x', '%x', "it's", '"q"', 'tab\there', '\u0085', '\u2028', '\ufeff', 'é😀', 'line\r\nline'])('keeps the text %j', (text) => {
    for (const dialect of ['go', 'kyaml'] as const) expect(parseYaml(dumpYaml({ [text]: text }), { dialect })).toEqual({ [text]: text })
  })
})
