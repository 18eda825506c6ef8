import { tmpdir } from 'node:os'
import path from 'node:path'
import { findLeftFiles, findProcesses } from '../aftermath.ts'
import { print, runCommand, say } from '../command.ts'
import { parseArguments, usage, type ChaosArguments } from './arguments.ts'
import { describePlan } from './describe.ts'
import { planSeed, type Plan } from './plan.ts'
import { openRecord, summarise, type RunRecord } from './record.ts'
import { findSilent, runSeed, startCourse, type SeedReport } from './seed.ts'
import { startWorld } from './world.ts'

interface Progress {
  readonly record: RunRecord
  readonly reports: SeedReport[]
  /** Taken from the front by every lane. */
  readonly left: number[]
  /** What is wrong with no single seed: what a world left behind, and where it said nothing. */
  readonly leftovers: string[]
  readonly signal: AbortSignal
}

async function runAll(options: ChaosArguments, signal: AbortSignal): Promise<number> {
  const { seeds, from, lanes } = options
  const file = options.record ?? path.join(tmpdir(), `weir-chaos-${from}-${Date.now()}.jsonl`)
  say(`record: ${file}`)
  const startedMs = performance.now()
  const record = await openRecord(file)
  const wanted = Array.from({ length: seeds }, (_, index) => from + index)
  const known = wanted.flatMap((seed) => record.finished.get(seed) ?? [])
  if (known.length > 0) say(`${known.length} seeds are in the record already`)
  const progress: Progress = { record, reports: [...known], left: wanted.filter((seed) => !record.finished.has(seed)), leftovers: [], signal }
  await Promise.all(Array.from({ length: Math.min(lanes, Math.max(1, progress.left.length)) }, () => runLane(progress, options)))
  const summary = summarise(progress.reports, { from, seconds: (performance.now() - startedMs) / 1_000 })
  for (const leftover of progress.leftovers) say(`in the end: ${leftover}`)
  print(JSON.stringify({ ...summary, leftovers: progress.leftovers }))
  if (progress.signal.aborted) say(`stopped: ${summary.seeds} of ${seeds} seeds are done; the same command with --record ${file} goes on`)
  return summary.violations > 0 || progress.leftovers.length > 0 || summary.seeds < seeds ? 1 : 0
}

/** One world after the other, each for a number of seeds. */
async function runLane(progress: Progress, options: ChaosArguments): Promise<void> {
  while (progress.left.length > 0 && !progress.signal.aborted) await runWorld(progress, options)
}

async function runWorld(progress: Progress, { freshEvery, verbose }: ChaosArguments): Promise<void> {
  await using world = await startWorld(say)
  const course = await startCourse(world)
  for (let count = 0; count < freshEvery && !progress.signal.aborted; count += 1) {
    const seed = progress.left.shift()
    if (seed === undefined) break
    const plan = planSeed(seed)
    const report = await runSeed(course, plan).catch((error: unknown): SeedReport => broken(plan, error))
    progress.reports.push(report)
    await progress.record.add(report)
    tell(plan, report, verbose)
    if (report.violations.length > 0) break // what went wrong may go on: the next seed gets a world of its own
  }
  await world.stopControllers()
  const silent = progress.signal.aborted ? [] : findSilent(course).map((channel) => `nothing was heard of: ${channel}`)
  progress.leftovers.push(...(await findLeftFiles(world.platform)), ...(await findProcesses(world.platform.dir)), ...silent)
}

const worldBroken = 'the seed could not be run to its end'

function broken({ seed, fleet }: Plan, error: unknown): SeedReport {
  const why = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return { seed, violations: [`${worldBroken}: ${why}`], seconds: 0, kustomizations: fleet.units.length, kills: 0, faults: {} }
}

function tell(plan: Plan, report: SeedReport, verbose: boolean): void {
  const isGood = report.violations.length === 0
  const injected = Object.values(report.faults).reduce((sum, count) => sum + count, 0)
  say(`seed ${String(plan.seed).padEnd(6)} ${isGood ? 'ok      ' : 'VIOLATED'} ${report.seconds.toFixed(2).padStart(6)} s  ${report.kustomizations} Kustomizations, ${injected} faults, ${report.kills} kills`)
  if (!isGood || verbose) say(describePlan(plan))
  for (const violation of report.violations) say(`  - ${violation}`)
  if (!isGood) say(`  again: npm run chaos -- --seeds 1 --from ${plan.seed}`)
}

const code = await runCommand({ name: 'chaos', usage, parse: parseArguments, run: runAll })
// Not left to Node: its own cleanup spins for ever over a socket that was reset with an answer still on its way.
process.exit(code)
