import type { Form } from './forms.ts'
import { SubstitutionError } from '../substitute-error.ts'

/** Plain text or an expression. */
export type Node = string | Expression

/** `${variable<form><args>}`. */
export interface Expression {
  readonly variable: string
  readonly form: Form
  readonly args: readonly Node[]
}

/** Where in the text we are; the one thing that moves while parsing. */
interface Cursor {
  readonly text: string
  at: number
  /** How many expressions we are inside of. */
  depth: number
}

/** Deep nesting is an attack on the stack, never a template. */
const maxDepth = 100

const identifier = /[\p{L}\p{Nd}_]+/uy

/** Splits a text into literals and expressions. A `${` that is no expression is an error, as in Flux. */
export function parseTemplate(text: string): readonly Node[] {
  const cursor: Cursor = { text, at: 0, depth: 0 }
  const nodes: Node[] = []
  while (cursor.at < text.length) nodes.push(opens(cursor) ? parseExpression(cursor) : readPlainText(cursor))
  return nodes
}

/** Up to the next expression. `$$` is one `$`, and what follows it is text: `$${x}` is `${x}`. */
function readPlainText(cursor: Cursor): string {
  const parts: string[] = []
  while (cursor.at < cursor.text.length && !opens(cursor)) {
    const dollar = cursor.text.indexOf('$', cursor.at)
    const end = dollar === -1 ? cursor.text.length : dollar
    parts.push(cursor.text.slice(cursor.at, end))
    cursor.at = end
    if (dollar !== -1 && !opens(cursor)) parts.push(readDollar(cursor))
  }
  return parts.join('')
}

function readDollar(cursor: Cursor): string {
  cursor.at += cursor.text.startsWith('$$', cursor.at) ? 2 : 1
  return '$'
}

function parseExpression(cursor: Cursor): Expression {
  cursor.depth += 1
  if (cursor.depth > maxDepth) throw new SubstitutionError(`more than ${maxDepth} expressions inside one another`)
  cursor.at += '${'.length
  const expression = cursor.text[cursor.at] === '#' ? parseLength(cursor) : parseNamed(cursor)
  cursor.depth -= 1
  return expression
}

function parseLength(cursor: Cursor): Expression {
  cursor.at += 1
  const variable = readName(cursor)
  close(cursor, variable)
  return { variable, form: 'length', args: [] }
}

function parseNamed(cursor: Cursor): Expression {
  const variable = readName(cursor)
  switch (cursor.text[cursor.at]) {
    case ':':
      return '=-?+'.includes(cursor.text[cursor.at + 1] ?? ' ') ? parseDefault(cursor, variable) : parseSlice(cursor, variable)
    case '=':
      return parseDefault(cursor, variable)
    case '^':
    case ',':
      return parseCase(cursor, variable)
    case '/':
      return parseReplace(cursor, variable)
    case '#':
    case '%':
      return parseStrip(cursor, variable)
    case '}':
      cursor.at += 1
      return { variable, form: 'value', args: [] }
    default:
      throw broken('missing closing brace', variable)
  }
}

/** `:-d`, `:=d`, `:?d`, `:+d` and `=d`: all mean the same, and `d` may be any run of text and expressions. */
function parseDefault(cursor: Cursor, variable: string): Expression {
  cursor.at += cursor.text[cursor.at] === '=' ? 1 : 2
  const args: Node[] = []
  while (cursor.text[cursor.at] !== '}') args.push(parseArgument(cursor, { variable, until: '}' }))
  cursor.at += 1
  return { variable, form: 'default', args }
}

function parseSlice(cursor: Cursor, variable: string): Expression {
  cursor.at += 1
  const position = parseArgument(cursor, { variable, until: ':}' })
  if (cursor.text[cursor.at] === '}') {
    cursor.at += 1
    return { variable, form: 'slice', args: [position] }
  }
  skipRun(cursor, { variable, of: ':' })
  const length = parseArgument(cursor, { variable, until: '}' })
  close(cursor, variable)
  return { variable, form: 'slice', args: [position, length] }
}

function parseCase(cursor: Cursor, variable: string): Expression {
  const operator = readOperator(cursor, /[,^]{1,2}/y)
  close(cursor, variable)
  return { variable, form: caseForms[operator] ?? 'value', args: [] }
}

const caseForms: Readonly<Record<string, Form>> = { '^': 'upper-first', '^^': 'upper', ',': 'lower-first', ',,': 'lower' }

function parseStrip(cursor: Cursor, variable: string): Expression {
  const operator = readOperator(cursor, /##?|%%?/y)
  const pattern = parseArgument(cursor, { variable, until: '}' })
  close(cursor, variable)
  return { variable, form: stripForms[operator] ?? 'value', args: [pattern] }
}

const stripForms: Readonly<Record<string, Form>> = {
  '#': 'strip-shortest-prefix',
  '##': 'strip-longest-prefix',
  '%': 'strip-shortest-suffix',
  '%%': 'strip-longest-suffix',
}

/** `/a/b`, `//a/b`, `/#a/b`, `/%a/b`. The pattern runs to the next slash, through braces too. */
function parseReplace(cursor: Cursor, variable: string): Expression {
  const operator = readOperator(cursor, /\/[/#%]?/y)
  const form = replaceForms[operator] ?? 'value'
  const pattern = cursor.text[cursor.at] === '/' ? '' : parseArgument(cursor, { variable, until: '/', escapes: true })
  skipRun(cursor, { variable, of: '/' })
  if (cursor.text[cursor.at] === '}') {
    cursor.at += 1
    return { variable, form, args: [pattern] }
  }
  const replacement = parseArgument(cursor, { variable, until: '}', escapes: true })
  close(cursor, variable)
  return { variable, form, args: [pattern, replacement] }
}

const replaceForms: Readonly<Record<string, Form>> = {
  '/': 'replace-first',
  '//': 'replace-all',
  '/#': 'replace-prefix',
  '/%': 'replace-suffix',
}

interface ArgumentRule {
  readonly variable: string
  /** Characters that end it. */
  readonly until: string
  /** Whether `\/`, `\\` and `$$` stand for their second character. */
  readonly escapes?: boolean
}

/** One expression, or one run of at least one character up to an expression or an end character. */
function parseArgument(cursor: Cursor, rule: ArgumentRule): Node {
  if (opens(cursor)) return parseExpression(cursor)
  const parts: string[] = []
  while (cursor.at < cursor.text.length && !opens(cursor)) {
    const escaped = rule.escapes === true && isEscape(cursor)
    const character = cursor.text[cursor.at + (escaped ? 1 : 0)] ?? ''
    if (!escaped && rule.until.includes(character)) break
    parts.push(character)
    cursor.at += escaped ? 2 : 1
  }
  if (parts.length === 0) throw broken('unable to parse substitution within function', rule.variable)
  return parts.join('')
}

function isEscape(cursor: Cursor): boolean {
  return ['$$', '\\/', '\\\\'].some((escape) => cursor.text.startsWith(escape, cursor.at))
}

function opens(cursor: Cursor): boolean {
  return cursor.text.startsWith('${', cursor.at)
}

function readName(cursor: Cursor): string {
  const name = readOperator(cursor, identifier)
  if (name === '') throw new SubstitutionError('unable to parse variable name after "${"')
  return name
}

function readOperator(cursor: Cursor, pattern: RegExp): string {
  pattern.lastIndex = cursor.at
  const match = pattern.exec(cursor.text)?.[0] ?? ''
  cursor.at += match.length
  return match
}

function skipRun(cursor: Cursor, run: { variable: string; of: string }): void {
  if (cursor.text[cursor.at] !== run.of) throw broken('bad substitution', run.variable)
  while (cursor.text[cursor.at] === run.of) cursor.at += 1
}

function close(cursor: Cursor, variable: string): void {
  if (cursor.text[cursor.at] !== '}') throw broken('bad substitution', variable)
  cursor.at += 1
}

function broken(what: string, variable: string): SubstitutionError {
  return new SubstitutionError(`${what}: "\${${variable}"`)
}
