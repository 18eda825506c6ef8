import { comparePrereleases, compareVersions } from './version.ts'
import type { Version } from './version.ts'

export type Operator = 'equal' | 'not-equal' | 'greater' | 'less' | 'at-least' | 'at-most' | 'tilde' | 'caret'

/** One term of a range, such as `>=1.2`. */
export interface Comparator {
  readonly operator: Operator
  /** With zeros where the text had nothing or a wildcard. */
  readonly version: Version
  /** The first part that was a wildcard or missing: `1.x` is open at `minor`, `*` at `major`. */
  readonly open: 'major' | 'minor' | 'patch' | undefined
}

/**
 * Whether one term admits a version, whose prerelease the group has let in already. Each rule, with its quirks, is that
 * of Masterminds/semver 3.4.0.
 */
export function admits(comparator: Comparator, version: Version): boolean {
  const order = compareVersions(version, comparator.version)
  switch (comparator.operator) {
    case 'equal':
      return comparator.open === undefined ? order === 0 : tilde(comparator, version)
    case 'not-equal':
      return notEqual(comparator, version)
    case 'greater':
      return greater(comparator, version)
    case 'less':
      return order < 0
    case 'at-least':
      return order >= 0
    case 'at-most':
      return atMost(comparator, version)
    case 'tilde':
      return tilde(comparator, version)
    case 'caret':
      return caret(comparator, version)
  }
}

/** `!=1.x` excludes a whole line; `!=*` excludes only what is 0.0.0. */
function notEqual({ version: wanted, open }: Comparator, version: Version): boolean {
  if (open === undefined) return compareVersions(version, wanted) !== 0
  if (wanted.major !== version.major) return true
  if (open === 'minor') return false
  if (wanted.minor !== version.minor) return true
  if (open === 'major') return wanted.patch !== version.patch || compareVersions(version, wanted) !== 0
  const plain = version.prerelease === '' && wanted.prerelease === ''
  return !plain && comparePrereleases(version.prerelease, wanted.prerelease) !== 0
}

/** `>1` starts at 2.0.0, `>1.2` at 1.3.0. */
function greater({ version: bound, open }: Comparator, version: Version): boolean {
  if (open === undefined) return compareVersions(version, bound) > 0
  if (version.major !== bound.major) return version.major > bound.major
  if (open === 'minor') return false
  if (open === 'patch') return version.minor > bound.minor
  return compareVersions(version, bound) > 0
}

/** `<=1` ends before 2.0.0, `<=1.2` before 1.3.0. */
function atMost({ version: bound, open }: Comparator, version: Version): boolean {
  if (open === undefined) return compareVersions(version, bound) <= 0
  if (version.major > bound.major) return false
  return !(version.major === bound.major && version.minor > bound.minor && open !== 'minor')
}

/** `~1.2.3` is below 1.3.0, `~1` below 2.0.0; `~0.0.0` and `~*` admit everything. */
function tilde({ version: bound, open }: Comparator, version: Version): boolean {
  if (compareVersions(version, bound) < 0) return false
  const isZero = bound.major === 0n && bound.minor === 0n && bound.patch === 0n
  if (isZero && open !== 'minor' && open !== 'patch') return true
  return version.major === bound.major && (version.minor === bound.minor || open === 'minor')
}

/** `^1.2.3` keeps the first part that is not zero; `^*` admits 0.0.0 alone. */
function caret({ version: bound, open }: Comparator, version: Version): boolean {
  if (compareVersions(version, bound) < 0) return false
  if (bound.major > 0n || open === 'minor') return version.major === bound.major
  if (version.major > 0n) return false
  if (bound.minor > 0n || open === 'patch') return version.minor === bound.minor
  return version.minor === 0n && version.patch === bound.patch
}
