import { appendFile, mkdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import type { SeedReport } from './seed.ts'

/** Finished seeds, a JSON line each, so that a run that was cut short goes on where it was. */
export interface RunRecord {
  /** Reports that were there at the start, by seed. */
  readonly finished: ReadonlyMap<number, SeedReport>
  add(report: SeedReport): Promise<void>
}

/** A last line that was cut by a crash is not read. */
export async function openRecord(file: string): Promise<RunRecord> {
  await mkdir(path.dirname(path.resolve(file)), { recursive: true })
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  const reports = text.split('\n').flatMap((line) => parseLine(line))
  const state = { isCut: text !== '' && !text.endsWith('\n') }
  return {
    finished: new Map(reports.map((report) => [report.seed, report])),
    async add(report) {
      await appendFile(file, `${state.isCut ? '\n' : ''}${JSON.stringify(report)}\n`)
      state.isCut = false
    },
  }
}

function parseLine(line: string): readonly SeedReport[] {
  try {
    const read = JSON.parse(line) as SeedReport
    return typeof read.seed === 'number' && Array.isArray(read.violations) ? [read] : []
  } catch {
    return []
  }
}

export interface Summary {
  readonly seeds: number
  readonly from: number
  /** Seeds with a violation. */
  readonly violations: number
  readonly failedSeeds: readonly number[]
  readonly seconds: number
  readonly kustomizations: number
  readonly kills: number
  readonly faults: Readonly<Record<string, number>>
}

export function summarise(reports: readonly SeedReport[], { from, seconds }: { readonly from: number; readonly seconds: number }): Summary {
  const faults: Record<string, number> = {}
  for (const report of reports) for (const [kind, count] of Object.entries(report.faults)) faults[kind] = (faults[kind] ?? 0) + count
  const failed = reports.filter(({ violations }) => violations.length > 0).map(({ seed }) => seed)
  const sum = (of: (report: SeedReport) => number): number => reports.reduce((total, report) => total + of(report), 0)
  const sorted = Object.fromEntries(Object.entries(faults).sort(([a], [b]) => (a < b ? -1 : 1)))
  return { seeds: reports.length, from, violations: failed.length, failedSeeds: failed.sort((a, b) => a - b), seconds: Math.round(seconds), kustomizations: sum((report) => report.kustomizations), kills: sum((report) => report.kills), faults: sorted }
}
