import { formatDurationMs, parseDurationMs } from '@weir/shared/api'

/** A declared flag. `built` works; `ignored` is accepted and told in one log line; `refused` ends the process with exit 2. */
export interface Flag<T> {
  /** Undefined: the text is not a value of this flag. */
  readonly read: (text: string) => T | undefined
  readonly show: (value: T) => string
  /** What a value looks like, for the error and the help. */
  readonly expects: string
  readonly default: T
  readonly meaning: string
  /** `--flag` alone means true and never takes the next argument. */
  readonly bare: boolean
  /** Further occurrences are joined to the earlier ones instead of replacing them. */
  readonly join?: (before: T, next: T) => T
  /** Environment variable that speaks when the flag is not given. */
  readonly env?: string
  readonly support: Support
}

/** `refused` and `ignored` speak only when the flag is given another value than its default. */
export type Support = 'built' | 'ignored' | 'refused'

export interface FlagExtras {
  readonly env?: string
  readonly support?: Support
}

export type Flags = Readonly<Record<string, Flag<never>>>

/** The record of declared flags as the record of their values. */
export type FlagValues<F> = { readonly [K in keyof F]: F[K] extends Flag<infer T> ? T : never }

export interface Gate {
  readonly default: boolean
  readonly meaning: string
  readonly support: Support
}

export type ParsedFlags<F> = ParsedWell<F> | ParsedNot

export interface ParsedWell<F> {
  readonly ok: true
  readonly flags: FlagValues<F>
  readonly gates: ReadonlyMap<string, boolean>
  /** Names of flags given on the command line or by the environment. */
  readonly given: ReadonlySet<string>
  /** One sentence for each flag or gate that has no effect here: log each once. */
  readonly ignored: readonly string[]
}

export interface ParsedNot {
  readonly ok: false
  /** 0: help was asked for. */
  readonly exitCode: 0 | 2
  readonly message: string
}

export interface FlagInput<F> {
  readonly flags: F
  readonly gates?: Readonly<Record<string, Gate>>
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
}

export const text = (preset: string, meaning: string, extras: FlagExtras = {}): Flag<string> =>
  declare({ read: (value) => value, show: (value) => `"${value}"`, expects: 'string', default: preset, meaning, bare: false }, extras)

/** Go's strconv.ParseBool. */
export const bool = (preset: boolean, meaning: string, extras: FlagExtras = {}): Flag<boolean> =>
  declare({ read: readBool, show: String, expects: 'bool', default: preset, meaning, bare: true }, extras)

/** A whole number; `undefined` as default means "not set". */
export const int = <T extends number | undefined>(preset: T, meaning: string, extras: FlagExtras = {}): Flag<number | T> =>
  declare({ read: readInt, show: String, expects: 'int', default: preset as number | T, meaning, bare: false }, extras)

/** A Go duration, as milliseconds. */
export const durationMs = (preset: number, meaning: string, extras: FlagExtras = {}): Flag<number> =>
  declare({ read: parseDurationMs, show: formatDurationMs, expects: 'duration', default: preset, meaning, bare: false }, extras)

/** Repeatable, and a comma separates too. */
export const texts = (preset: readonly string[], meaning: string, extras: FlagExtras = {}): Flag<readonly string[]> =>
  declare(
    {
      read: (value) => (value === '' ? [] : value.split(',')),
      show: (value) => `[${value.join(',')}]`,
      expects: 'strings',
      default: preset,
      meaning,
      bare: false,
      join: (before, next) => [...before, ...next],
    },
    extras,
  )

/** One of a few words. */
export const oneOf = <const T extends string>(words: readonly T[], preset: NoInfer<T>, meaning: string): Flag<T> =>
  declare({ read: (value) => words.find((word) => word === value), show: (value) => `"${value}"`, expects: words.join('|'), default: preset, meaning, bare: false }, {})

function declare<T>(flag: Omit<Flag<T>, 'support'>, extras: FlagExtras): Flag<T> {
  return { support: 'built', ...flag, ...extras }
}

const truths: readonly string[] = ['1', 't', 'T', 'TRUE', 'true', 'True']
const lies: readonly string[] = ['0', 'f', 'F', 'FALSE', 'false', 'False']

export function readBool(value: string): boolean | undefined {
  if (truths.includes(value)) return true
  return lies.includes(value) ? false : undefined
}

function readInt(value: string): number | undefined {
  if (!/^[+-]?(0[xX][0-9a-fA-F]+|0[oO]?[0-7]+|0[bB][01]+|[1-9][0-9]*|0)$/.test(value)) return undefined
  const negative = value.startsWith('-')
  const digits = value.replace(/^[+-]/, '').replace(/^0(?=[0-7])/, '0o')
  const number = Number(digits) * (negative ? -1 : 1)
  return Number.isSafeInteger(number) ? number : undefined
}
