/** How long a superseded artifact stays (contract 2.4). */
export interface RetentionRule {
  /** Older ones may go; `--artifact-retention-ttl`. */
  readonly ttlMs: number
  /** How many may stay in any case, the current one included; `--artifact-retention-records`. */
  readonly records: number
}

export interface StoredFile {
  readonly name: string
  readonly modifiedMs: number
}

export interface RetentionInput {
  /** Regular files of one object's directory, without lock files and half-written ones. */
  readonly files: readonly StoredFile[]
  /** Never removed. */
  readonly current: string | undefined
  readonly rule: RetentionRule
  readonly nowMs: number
}

/** At most so many files are looked at in one run: a flood is worked off over several. */
export const maxFilesSeen = 1000

/** Which files go: all past the age limit, then the oldest until `records` remain. Sorted by name. */
export function chooseExpired(input: RetentionInput): readonly string[] {
  const { rule, nowMs, current } = input
  const seen = input.files.slice(0, maxFilesSeen)
  const others = seen.filter((file) => file.name !== current).sort((a, b) => a.modifiedMs - b.modifiedMs || (a.name < b.name ? -1 : 1))
  const expired = others.filter((file) => nowMs - file.modifiedMs > rule.ttlMs)
  const young = others.filter((file) => nowMs - file.modifiedMs <= rule.ttlMs)
  const kept = young.length + (seen.length - others.length)
  const surplus = young.slice(0, Math.max(0, kept - Math.max(1, rule.records)))
  return [...expired, ...surplus].map((file) => file.name).sort()
}
