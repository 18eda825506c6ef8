import { SubstitutionError } from '../substitute-error.ts'
import { longestPrefix, longestSuffix, parseGlob, shortestPrefix, shortestSuffix } from './glob.ts'

export type Form =
  | 'value'
  | 'default'
  | 'length'
  | 'slice'
  | 'upper-first'
  | 'upper'
  | 'lower-first'
  | 'lower'
  | 'replace-first'
  | 'replace-all'
  | 'replace-prefix'
  | 'replace-suffix'
  | 'strip-shortest-prefix'
  | 'strip-longest-prefix'
  | 'strip-shortest-suffix'
  | 'strip-longest-suffix'

/** What each form makes of a value. Lengths and positions count bytes of UTF-8. */
export const forms: Readonly<Record<Form, (value: string, args: readonly string[]) => string>> = {
  value: (value) => value,
  default: (value, args) => (value === '' ? args.join('') : value),
  length: (value) => String(Buffer.byteLength(value)),
  slice: (value, [position = '', length]) => slice(value, position, length),
  'upper-first': (value) => mapFirst(value, upper),
  upper: (value) => mapAll(value, upper),
  'lower-first': (value) => mapFirst(value, lower),
  lower: (value) => mapAll(value, lower),
  'replace-first': (value, [pattern = '', replacement = '']) => value.replace(pattern, () => replacement),
  'replace-all': (value, [pattern = '', replacement = '']) => replaceAll(value, pattern, replacement),
  'replace-prefix': (value, [pattern = '', replacement]) => replacePrefix(value, pattern, replacement),
  'replace-suffix': (value, [pattern = '', replacement]) => replaceSuffix(value, pattern, replacement),
  'strip-shortest-prefix': (value, [pattern = '']) => value.slice(shortestPrefix(parseGlob(pattern), value)),
  'strip-longest-prefix': (value, [pattern = '']) => value.slice(longestPrefix(parseGlob(pattern), value)),
  'strip-shortest-suffix': (value, [pattern = '']) => value.slice(0, value.length - shortestSuffix(parseGlob(pattern), value)),
  'strip-longest-suffix': (value, [pattern = '']) => value.slice(0, value.length - longestSuffix(parseGlob(pattern), value)),
}

/** Whether an unset variable is part of what the form is for. */
export function toleratesUnset(form: Form): boolean {
  return form === 'default'
}

/** `${v:pos}` and `${v:pos:len}`. An argument that is no number leaves the value whole. */
function slice(value: string, positionText: string, lengthText: string | undefined): string {
  const position = parseInteger(positionText)
  if (position === undefined) return value
  const bytes = Buffer.from(value)
  const start = position < 0 ? Math.max(0, bytes.length + position) : position
  if (lengthText === undefined) return textOf(bytes.subarray(start))
  const length = parseInteger(lengthText)
  if (length === undefined) return value
  const end = length < 0 ? bytes.length + length : start + length
  return end <= start ? '' : textOf(bytes.subarray(start, end))
}

function parseInteger(text: string): number | undefined {
  const fits = /^[+-]?[0-9]+$/.test(text) && BigInt.asIntN(64, BigInt(text.replace('+', ''))) === BigInt(text.replace('+', ''))
  return fits ? Number(text) : undefined
}

/** Half a character could only become a replacement character, silently: better an error. */
function textOf(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (error) {
    throw new SubstitutionError('the substring cuts a character of several bytes in half', { cause: error })
  }
}

/** An empty pattern matches before, between and after all characters. */
function replaceAll(value: string, pattern: string, replacement: string): string {
  if (pattern !== '') return value.replaceAll(pattern, () => replacement)
  return replacement + Array.from(value, (character) => character + replacement).join('')
}

/** Without a replacement these two change nothing, unlike the others: Flux has it so. */
function replacePrefix(value: string, pattern: string, replacement: string | undefined): string {
  if (replacement === undefined || !value.startsWith(pattern)) return value
  return replacement + value.slice(pattern.length)
}

function replaceSuffix(value: string, pattern: string, replacement: string | undefined): string {
  if (replacement === undefined || !value.endsWith(pattern)) return value
  return value.slice(0, value.length - pattern.length) + replacement
}

function mapFirst(value: string, change: (character: string) => string): string {
  const [first = ''] = value
  return change(first) + value.slice(first.length)
}

function mapAll(value: string, change: (character: string) => string): string {
  return Array.from(value, change).join('')
}

/** Case is changed one character for one, as Go does: a `ß` has no single upper case and stays. */
function upper(character: string): string {
  return oneForOne(character, character.toUpperCase())
}

function lower(character: string): string {
  return character === 'İ' ? 'i' : oneForOne(character, character.toLowerCase())
}

function oneForOne(character: string, changed: string): string {
  return Array.from(changed).length === 1 ? changed : character
}
