/** One part of a glob: any run, or a test of one character. */
type Part = { readonly kind: 'run' } | { readonly kind: 'one'; readonly matches: (character: string) => boolean }

/** A glob as its parts; undefined where it is malformed. `*` crosses slashes. */
export type Glob = readonly Part[] | undefined

interface Pattern {
  readonly characters: readonly string[]
  at: number
}

/** Reads `*`, `?`, `[a-z]`, `[^a-z]` and `\` before any character. */
export function parseGlob(text: string): Glob {
  const pattern: Pattern = { characters: Array.from(text), at: 0 }
  const parts: Part[] = []
  while (pattern.at < pattern.characters.length) {
    const part = readPart(pattern)
    if (part === undefined) return undefined
    parts.push(part)
  }
  return parts
}

/** Length in UTF-16 units of the shortest prefix of at least one character that matches; 0 where none does. */
export function shortestPrefix(glob: Glob, value: string): number {
  return matchedLengths(glob, Array.from(value), 'shortest')
}

export function longestPrefix(glob: Glob, value: string): number {
  return matchedLengths(glob, Array.from(value), 'longest')
}

export function shortestSuffix(glob: Glob, value: string): number {
  return matchedLengths(glob?.toReversed(), Array.from(value).toReversed(), 'shortest')
}

export function longestSuffix(glob: Glob, value: string): number {
  return matchedLengths(glob?.toReversed(), Array.from(value).toReversed(), 'longest')
}

/**
 * Follows all ways through the glob at once, so that no pattern makes it slow: time is characters times parts. The
 * empty prefix is never tried.
 */
function matchedLengths(glob: Glob, characters: readonly string[], want: 'shortest' | 'longest'): number {
  if (glob === undefined) return 0
  let states = withRuns(glob, new Set([0]))
  let length = 0
  let matched = 0
  for (const character of characters) {
    states = withRuns(glob, advance(glob, states, character))
    length += character.length
    if (states.size === 0) break
    if (!states.has(glob.length)) continue
    matched = length
    if (want === 'shortest') break
  }
  return matched
}

function advance(glob: readonly Part[], states: ReadonlySet<number>, character: string): Set<number> {
  const next = new Set<number>()
  for (const state of states) {
    const part = glob[state]
    if (part?.kind === 'run') next.add(state)
    if (part?.kind === 'one' && part.matches(character)) next.add(state + 1)
  }
  return next
}

/** A run may be empty: whoever stands before one also stands behind it. */
function withRuns(glob: readonly Part[], states: Set<number>): Set<number> {
  for (const state of states) if (glob[state]?.kind === 'run') states.add(state + 1)
  return states
}

function readPart(pattern: Pattern): Part | undefined {
  const character = pattern.characters[pattern.at]
  pattern.at += 1
  switch (character) {
    case '*':
      return { kind: 'run' }
    case '?':
      return { kind: 'one', matches: () => true }
    case '[':
      return readClass(pattern)
    case '\\':
      return literal(take(pattern))
    default:
      return literal(character)
  }
}

function literal(wanted: string | undefined): Part | undefined {
  return wanted === undefined ? undefined : { kind: 'one', matches: (character) => character === wanted }
}

function readClass(pattern: Pattern): Part | undefined {
  const negated = pattern.characters[pattern.at] === '^'
  if (negated) pattern.at += 1
  const ranges: [number, number][] = []
  while (ranges.length === 0 || pattern.characters[pattern.at] !== ']') {
    const range = readRange(pattern)
    if (range === undefined) return undefined
    ranges.push(range)
  }
  pattern.at += 1
  return { kind: 'one', matches: (character) => inRanges(ranges, character) !== negated }
}

function readRange(pattern: Pattern): [number, number] | undefined {
  const low = readClassCharacter(pattern)
  if (low === undefined) return undefined
  if (pattern.characters[pattern.at] !== '-') return [low, low]
  pattern.at += 1
  const high = readClassCharacter(pattern)
  return high === undefined ? undefined : [low, high]
}

/** A bare `-` or `]` has no place in a class; escaped it has. */
function readClassCharacter(pattern: Pattern): number | undefined {
  const character = take(pattern)
  if (character === '-' || character === ']') return undefined
  return (character === '\\' ? take(pattern) : character)?.codePointAt(0)
}

function take(pattern: Pattern): string | undefined {
  const character = pattern.characters[pattern.at]
  pattern.at += 1
  return character
}

function inRanges(ranges: readonly (readonly [number, number])[], character: string): boolean {
  const point = character.codePointAt(0) ?? -1
  return ranges.some(([low, high]) => low <= point && point <= high)
}
