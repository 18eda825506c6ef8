import { admits } from './comparator.ts'
import type { Comparator, Operator } from './comparator.ts'
import { parseVersion } from './version.ts'
import type { Version } from './version.ts'

export interface Constraint {
  readonly raw: string
  check(version: Version): boolean
}

/** Thrown for a range that does not parse. */
export class VersionError extends Error {
  readonly code: 'invalid-constraint'
  constructor(message: string) {
    super(message)
    this.name = 'VersionError'
    this.code = 'invalid-constraint'
  }
}

/** Ranges come from users; the pattern for `a - b` is quadratic. */
const longestConstraint = 1024

/** Go's `\s`, which is narrower than JavaScript's. */
const space = '[\\t\\n\\f\\r ]'
const number = '[0-9|xX*]+'
const identifiers = '[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*'
const partial = `v?(${number})(\\.${number})?(\\.${number})?(-${identifiers})?(\\+${identifiers})?`
const plainPartial = partial.replace(/\((?!\?)/g, '(?:')

const hyphenRange = new RegExp(`${space}*(${plainPartial})${space}+-${space}+(${plainPartial})${space}*`, 'g')
const comparatorAt = new RegExp(`(!=|>=|=>|<=|=<|~>|=|>|<|~|\\^|)${space}*${partial}`, 'y')
const separatorAt = new RegExp(`${space}*,${space}*|${space}+`, 'y')
const spaceAt = new RegExp(`${space}*`, 'y')

/**
 * Reads a range as Masterminds/semver 3.4.0 does: `,` or a space is AND, `||` is OR. Throws VersionError on bad input,
 * the empty text and an empty alternative included.
 */
export function parseConstraint(raw: string): Constraint {
  if (raw.length > longestConstraint) throw improper(`${raw.slice(0, 64)}…`)
  const groups = rewriteHyphens(raw)
    .split('||')
    .map((alternative) => parseGroup(alternative))
  return { raw, check: (version) => groups.some((group) => groupAdmits(group, version)) }
}

/** Any prerelease in an AND group lets prereleases in for the whole group. */
function groupAdmits(group: readonly Comparator[], version: Version): boolean {
  if (version.prerelease !== '' && !group.some((comparator) => comparator.version.prerelease !== '')) return false
  return group.every((comparator) => admits(comparator, version))
}

/** `1.2 - 2` means `>= 1.2, <= 2`. */
function rewriteHyphens(text: string): string {
  return [...text.matchAll(hyphenRange)].reduce((done, [whole, low, high]) => done.replace(whole, () => `>= ${low}, <= ${high} `), text)
}

/** A hand-written walk instead of one pattern: Go's has no backtracking, ours would be exponential. */
function parseGroup(text: string): readonly Comparator[] {
  const comparators: Comparator[] = []
  let at = skip(spaceAt, text, 0) ?? 0
  while (at < text.length || comparators.length === 0) {
    comparatorAt.lastIndex = at
    const match = comparatorAt.exec(text)
    if (match === null) throw improper(text)
    comparators.push(parseComparator(match, text))
    at = comparatorAt.lastIndex
    const next = skip(separatorAt, text, at)
    if (next === undefined && at < text.length) throw improper(text)
    if (next === text.length && text.slice(at).includes(',')) throw improper(text)
    at = next ?? at
  }
  return comparators
}

function skip(pattern: RegExp, text: string, at: number): number | undefined {
  pattern.lastIndex = at
  return pattern.test(text) ? pattern.lastIndex : undefined
}

function parseComparator(match: RegExpExecArray, text: string): Comparator {
  const [, operator = '', major = '', minor = '', patch = '', prerelease = ''] = match
  const open = openPart([major, minor.slice(1), patch.slice(1)])
  const version = parseVersion(numbersOf(open, [major, minor, patch]) + prerelease)
  if (version === undefined) throw improper(text)
  return { operator: operators[operator] ?? 'equal', version, open }
}

const operators: Readonly<Record<string, Operator>> = {
  '': 'equal',
  '=': 'equal',
  '!=': 'not-equal',
  '>': 'greater',
  '<': 'less',
  '>=': 'at-least',
  '=>': 'at-least',
  '<=': 'at-most',
  '=<': 'at-most',
  '~': 'tilde',
  '~>': 'tilde',
  '^': 'caret',
}

/** The first part that is a wildcard or missing. */
function openPart(parts: readonly [string, string, string]): Comparator['open'] {
  const index = parts.findIndex((part) => ['', 'x', 'X', '*'].includes(part))
  return (['major', 'minor', 'patch'] as const)[index]
}

/** What follows an open part does not count. */
function numbersOf(open: Comparator['open'], [major, minor, patch]: readonly [string, string, string]): string {
  switch (open) {
    case 'major':
      return '0.0.0'
    case 'minor':
      return `${major}.0.0`
    case 'patch':
      return `${major}${minor}.0`
    case undefined:
      return `${major}${minor}${patch}`
  }
}

function improper(text: string): VersionError {
  return new VersionError(`improper constraint: ${text}`)
}
