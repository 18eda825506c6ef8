import type { Judged } from './directory.ts'
import type { Verdict } from './judge.ts'

/** What came of one repository. */
export interface RepositoryResult {
  readonly repository: string
  readonly commit: string
  /** With a kustomization file. */
  readonly directories: number
  readonly equal: number
  /** Of the equal ones: those for which the official command had to be asked as Flux asks its library, by what was asked. */
  readonly equalAsFlux: Readonly<Record<string, number>>
  readonly bothFailed: number
  /** By the code of our error. */
  readonly failedBy: Readonly<Record<string, number>>
  /** By rule. */
  readonly refused: Readonly<Record<string, number>>
  readonly remote: number
  readonly differs: number
  /** Edits of files that a build reads, and of files that it does not. */
  readonly edits: number
  /** Builds that ran an engine, of all builders; and those that a warm cache ran. */
  readonly engineBuilds: number
  readonly warmEngineBuilds: number
}

/** Counts by kind of verdict. */
export function countVerdicts(judged: readonly Judged[]): Pick<RepositoryResult, 'directories' | 'equal' | 'equalAsFlux' | 'bothFailed' | 'failedBy' | 'refused' | 'remote' | 'differs'> {
  const verdicts = judged.map(({ verdict }) => verdict)
  const count = (kind: Verdict['kind']): number => verdicts.filter((verdict) => verdict.kind === kind).length
  return {
    directories: judged.length,
    equal: count('equal'),
    equalAsFlux: tally(verdicts.flatMap((verdict) => (verdict.kind === 'equal' ? verdict.ways : []))),
    bothFailed: count('failed'),
    failedBy: tally(judged.flatMap(({ verdict, failed }) => (verdict.kind === 'failed' && failed !== undefined ? [failed.code] : []))),
    refused: tally(verdicts.flatMap((verdict) => (verdict.kind === 'refused' ? [verdict.rule] : []))),
    remote: count('remote'),
    differs: count('differs'),
  }
}

function tally(names: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

/** A row for each repository. */
export function table(results: readonly RepositoryResult[]): string {
  const header = ['repository', 'commit', 'directories', 'equal', 'both failed', 'refused by rule', 'remote skipped', 'differs', 'edits']
  const rows = results.map((result) => [
    result.repository,
    result.commit.slice(0, 12),
    String(result.directories),
    `${result.equal}${bracketed(result.equalAsFlux)}`,
    `${result.bothFailed}${bracketed(result.failedBy)}`,
    `${sum(result.refused)}${bracketed(result.refused)}`,
    String(result.remote),
    String(result.differs),
    String(result.edits),
  ])
  const widths = header.map((name, column) => Math.max(...[header, ...rows].map((row) => row[column]?.length ?? name.length)))
  return [header, ...rows].map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ').trimEnd()).join('\n')
}

function bracketed(counts: Readonly<Record<string, number>>): string {
  const parts = Object.entries(counts).map(([name, count]) => `${name} ${count}`)
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0)
}
