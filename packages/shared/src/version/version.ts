/** A version as Masterminds/semver 3.4.0 reads it. */
export interface Version {
  /** The text that it was read from: `v1.2` stays `v1.2`. */
  readonly raw: string
  /** Go's uint64: beyond what a number holds exactly. */
  readonly major: bigint
  readonly minor: bigint
  readonly patch: bigint
  /** Without its dash; `''` for a release. */
  readonly prerelease: string
  /** Without its plus. */
  readonly metadata: string
}

/** Longer texts are no versions: tags come from strangers. */
const longestVersion = 256

const shape =
  /^v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?$/

const largestPart = 2n ** 64n - 1n

/** undefined when the tag is no version. Partial versions (`v2`, `1.2`) and leading zeros in the numbers are valid. */
export function parseVersion(raw: string): Version | undefined {
  if (raw.length > longestVersion) return undefined
  const match = shape.exec(raw)
  if (match === null) return undefined
  const [, major = '', minor = '0', patch = '0', prerelease = '', metadata = ''] = match
  const numbers = { major: BigInt(major), minor: BigInt(minor), patch: BigInt(patch) }
  if (Object.values(numbers).some((number) => number > largestPart) || !isPrerelease(prerelease)) return undefined
  return { raw, ...numbers, prerelease, metadata }
}

/** Negative when `a` comes before `b`. Metadata does not count. */
export function compareVersions(a: Version, b: Version): number {
  return (
    compareNumbers(a.major, b.major) ||
    compareNumbers(a.minor, b.minor) ||
    compareNumbers(a.patch, b.patch) ||
    comparePrereleases(a.prerelease, b.prerelease)
  )
}

/** A prerelease comes before its release. */
export function comparePrereleases(a: string, b: string): number {
  if (a === b) return 0
  if (a === '') return 1
  if (b === '') return -1
  const left = a.split('.')
  const right = b.split('.')
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const order = compareIdentifiers(left[index], right[index])
    if (order !== 0) return order
  }
  return 0
}

/** Numbers come before words; the shorter list comes first when it is the beginning of the longer. */
function compareIdentifiers(a: string | undefined, b: string | undefined): number {
  if (a === b) return 0
  if (a === undefined) return -1
  if (b === undefined) return 1
  const left = numberOf(a)
  const right = numberOf(b)
  if (left !== undefined && right !== undefined) return compareNumbers(left, right)
  if (left !== undefined) return -1
  if (right !== undefined) return 1
  return a < b ? -1 : 1
}

/** An identifier past uint64 counts as a word, as in Go. */
function numberOf(identifier: string): bigint | undefined {
  if (!/^[0-9]+$/.test(identifier)) return undefined
  const number = BigInt(identifier)
  return number > largestPart ? undefined : number
}

function isPrerelease(text: string): boolean {
  return text.split('.').every((part) => !/^0[0-9]+$/.test(part))
}

function compareNumbers(a: bigint, b: bigint): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
