/** A declared flag. `built` works; `ignored` is accepted and told in one log line; `refused` ends the process with exit 2. */
export interface Flag<T> {
  readonly read: (text: string) => T | undefined
  readonly expects: string
  readonly default: T
  readonly meaning: string
  /** `--flag` alone means true and never takes the next argument. */
  readonly bare: boolean
  /** Further occurrences are appended instead of replacing. */
  readonly append?: (before: T, next: T) => T
  readonly env?: string
  readonly support: Support
}

/** `refused` and `ignored` speak only when the flag is given another value than its default. */
export type Support = 'built' | 'ignored' | 'refused'

export interface FlagExtras {
  readonly env?: string
  readonly support?: Support
}

export interface Gate {
  readonly default: boolean
  readonly meaning: string
  readonly support: Support
}

export type FlagValues<F> = { readonly [K in keyof F]: F[K] extends Flag<infer T> ? T : never }

export type ParsedFlags<F> =
  | { readonly ok: true; readonly flags: FlagValues<F>; readonly gates: ReadonlyMap<string, boolean>; readonly given: ReadonlySet<string>; readonly notes: readonly string[] }
  | { readonly ok: false; readonly exitCode: 0 | 2; readonly message: string }
