import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArguments, usage, type ChaosArguments } from './arguments.ts'
import { planSeed, type Plan } from './plan.ts'
import { openRecord, summarise, type RunRecord } from './record.ts'
import { findLeftFiles, findProcesses } from '../aftermath.ts'
import { runSeed, startCourse, type SeedReport } from './seed.ts'
import { describePlan } from './describe.ts'
import { startWorld } from './world.ts'

async function main(argv: readonly string[]): Promise<number> {
  const parsed = parseArguments(argv)
  switch (parsed.kind) {
    case 'help':
      say(usage)
      return 0
    case 'wrong':
      say(`${parsed.message}\n\n${usage}`)
      return 2
    case 'run':
      return runAll(parsed.run)
  }
}

interface Progress {
  readonly record: RunRecord
  readonly reports: SeedReport[]
  /** Taken from the front by every lane. */
  readonly left: number[]
  /** What is wrong with no single seed: what a world left behind. */
  readonly leftovers: string[]
  readonly signal: AbortSignal
}

async function runAll(options: ChaosArguments): Promise<number> {
  const { seeds, from, lanes } = options
  const file = options.record ?? path.join(tmpdir(), `weir-chaos-${from}-${Date.now()}.jsonl`)
  say(`record: ${file}`)
  const startedMs = performance.now()
  const record = await openRecord(file)
  const wanted = Array.from({ length: seeds }, (_, index) => from + index)
  const known = wanted.flatMap((seed) => record.finished.get(seed) ?? [])
  if (known.length > 0) say(`${known.length} seeds are in the record already`)
  const progress: Progress = { record, reports: [...known], left: wanted.filter((seed) => !record.finished.has(seed)), leftovers: [], signal: stopSignal() }
  await Promise.all(Array.from({ length: Math.min(lanes, Math.max(1, progress.left.length)) }, () => runLane(progress, options)))
  const summary = summarise(progress.reports, { from, seconds: (performance.now() - startedMs) / 1_000 })
  for (const leftover of progress.leftovers) say(`left behind: ${leftover}`)
  process.stdout.write(`${JSON.stringify({ ...summary, leftovers: progress.leftovers })}\n`)
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
  const left = [...(await findLeftFiles(world.platform)), ...(await findProcesses(world.platform.dir))]
  progress.leftovers.push(...left)
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

/** Ctrl-C ends the run after the seeds that are running. */
function stopSignal(): AbortSignal {
  const stopping = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stopping.abort(new Error(`stopped by ${name}`)))
  return stopping.signal
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

const code = await main(process.argv.slice(2)).catch((error: unknown) => {
  say(`chaos failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  return 1
})
// Not left to Node: its own cleanup spins for ever over a socket that was reset with an answer still on its way.
process.exit(code)
