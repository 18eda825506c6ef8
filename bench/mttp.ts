import { setTimeout as pause } from 'node:timers/promises'
import type { AuditEntry } from '@weir/shared/control-plane'
import { breakDown, countWork, writingSeconds, type CallCounts } from './audit.ts'
import { ratiosOf, round, type PhaseSeconds } from './figures.ts'
import { appNames, fleetFiles, kustomizationOf, type Shape } from './fleet.ts'
import { measureLimit, type LimitFigures } from './limit.ts'
import { readHeap, readMetrics } from './metrics.ts'
import { middleOf, playRounds, ratiosOfRounds, type Round } from './rounds.ts'
import type { Figures, Scenario, ScenarioOptions } from './scenario.ts'
import { kustomizeClient, startTestbed, type Testbed } from './testbed.ts'

/** Mean time to production: a whole fleet installed, then upgraded by one commit, beside the limit. */
export const mttp: Scenario = {
  n: 1000,
  fluxN: fluxFleet,
  budgets: [
    { key: 'ratio', most: 1.3 },
    { key: 'apiCallsPerKustomization', most: 14 },
    { key: 'statusWritesPerKustomization', most: 3 },
    { key: 'rssMiB', most: 130 },
    { key: 'peakMiB', most: 195 },
  ],
  async run(options) {
    const { n, shape, pace, onProgress, signal, beside, system } = options
    const names = appNames(n)
    const run = (): Promise<FleetRun> => runFleet(options, names)
    const limit = (): Promise<LimitFigures> => measureLimit({ names, shape, pace, onProgress, signal })
    const known = limitOf(beside, n)
    if (known !== undefined) return figuresOf([{ run: await run(), limit: known }], { n, shape })
    const count = n < small || system === 'flux' ? 1 : pace.rounds
    return figuresOf(await playRounds({ count, framed: n >= small, limit, run }), { n, shape })
  },
}

/** A fleet of this size rests no 30 s, and is measured once, with one limit: it shows that the bench works. */
const small = 50

interface FleetRun extends FleetPhases {
  readonly cpuSeconds: number
  readonly rssMiB: number
  readonly peakMiB: number
}

async function runFleet({ n, shape, pace, onProgress, signal, system, profile }: ScenarioOptions, names: readonly string[]): Promise<FleetRun> {
  await using testbed = await startTestbed({ system, files: fleetFiles(shape, names, 'first'), pace, profile, onProgress, signal })
  const startCpuSeconds = await testbed.cpuSeconds()
  const phases = await installThenUpgrade(testbed, { names, shape, onProgress })
  const cpuSeconds = (await testbed.cpuSeconds()) - startCpuSeconds
  onProgress(`cpu: ${round(cpuSeconds, 1)} s, and ${round(startCpuSeconds, 1)} s to start`)
  await pause(n < small ? 0 : pace.restMs, undefined, { signal })
  return { ...phases, cpuSeconds: round(cpuSeconds, 1), ...(await memoryOf(testbed, onProgress)) }
}

/** One app costs Flux an unpacked copy of the whole artifact: only where that is small a fleet of full size ends within minutes. */
export function fluxFleet(shape: Shape): number {
  return shape === 'shared' ? 1000 : 200
}

/** The limit of the other system's run, if that was of the same size. Exported for its test. */
export function limitOf(beside: Figures | undefined, n: number): LimitFigures | undefined {
  if (beside === undefined || beside['n'] !== n) return undefined
  return { installSeconds: Number(beside['limitInstallSeconds']), upgradeSeconds: Number(beside['limitUpgradeSeconds']), callsPerKustomization: Number(beside['limitCallsPerKustomization']) }
}

export interface FleetPhases extends PhaseSeconds {
  /** What the API server was asked, counted. */
  readonly counts: readonly CallCounts[]
}

export type FleetOptions = Pick<ScenarioOptions, 'shape' | 'onProgress'> & { readonly names: readonly string[] }

/** From the first POST, then from the new artifact in the source's status, to the last Ready at that revision. */
export async function installThenUpgrade(testbed: Testbed, options: FleetOptions): Promise<FleetPhases> {
  const { names, shape, onProgress } = options
  const install = await testbed.audited(() => installFleet(testbed, options))
  tellPhase(onProgress, { phase: 'install', n: names.length, seconds: install.value }, install.entries)
  const upgrade = await testbed.audited(async () => {
    const { revision, storedAtMs } = await testbed.push(fleetFiles(shape, names, 'second'))
    return secondsBetween(storedAtMs, await testbed.untilReady('upgrade', names, revision))
  })
  tellPhase(onProgress, { phase: 'upgrade', n: names.length, seconds: upgrade.value }, upgrade.entries)
  return { installSeconds: install.value, upgradeSeconds: upgrade.value, counts: [install.entries, upgrade.entries].map((entries) => countWork(entries, kustomizeClient)) }
}

export interface InstallOptions extends FleetOptions {
  /** Of the Kustomizations; default `1h`. */
  readonly interval?: string
}

/** Seconds from the first POST to the last Ready. */
export async function installFleet(testbed: Testbed, { names, shape, interval }: InstallOptions): Promise<number> {
  const { startedMs, created } = testbed.create(names.map((name) => kustomizationOf(shape, name, interval === undefined ? {} : { interval })))
  const [endedMs] = await Promise.all([testbed.untilReady('install', names, testbed.firstRevision), created])
  return secondsBetween(startedMs, endedMs)
}

export function secondsBetween(startedMs: number, endedMs: number): number {
  return round((endedMs - startedMs) / 1000)
}

/** Times are those of the middle round; calls, status writes and memory those of the worst. */
function figuresOf(rounds: readonly Round<FleetRun>[], { n, shape }: { readonly n: number; readonly shape: Shape }): Figures {
  const { run, limit } = middleOf(rounds)
  const ratios = ratiosOfRounds(rounds)
  const counts = rounds.flatMap((each) => each.run.counts)
  const worst = (key: 'calls' | 'statusWrites'): number => round(Math.max(...counts.map((each) => each[key])) / n)
  return {
    n,
    shape,
    installSeconds: run.installSeconds,
    upgradeSeconds: run.upgradeSeconds,
    limitInstallSeconds: limit.installSeconds,
    limitUpgradeSeconds: limit.upgradeSeconds,
    ...ratiosOf(run, limit),
    rounds: Object.fromEntries(ratios.map((ratio, at) => [String(at + 1), ratio])),
    apiCallsPerKustomization: worst('calls'),
    statusWritesPerKustomization: worst('statusWrites'),
    dryRuns: run.counts.reduce((sum, { dryRuns }) => sum + dryRuns, 0),
    limitCallsPerKustomization: limit.callsPerKustomization,
    cpuSeconds: run.cpuSeconds,
    rssMiB: Math.max(...rounds.map((each) => each.run.rssMiB)),
    peakMiB: Math.max(...rounds.map((each) => each.run.peakMiB)),
  }
}

/** Of the larger controller. */
async function memoryOf({ controllers }: Testbed, onProgress: (line: string) => void): Promise<{ readonly rssMiB: number; readonly peakMiB: number }> {
  const all = await Promise.all(controllers.map((each) => each.memory()))
  for (const [at, { name, metricsUrl }] of controllers.entries()) {
    const heap = readHeap(await readMetrics(metricsUrl))
    onProgress(`memory: ${name} ${JSON.stringify({ ...all[at], ...heap })}`)
  }
  return { rssMiB: round(Math.max(...all.map(({ rssMiB }) => rssMiB)), 1), peakMiB: round(Math.max(...all.map(({ peakMiB }) => peakMiB)), 1) }
}

function tellPhase(onProgress: (line: string) => void, { phase, n, seconds }: { readonly phase: string; readonly n: number; readonly seconds: number }, entries: readonly AuditEntry[]): void {
  onProgress(`${phase}: ${seconds} s, objects written within ${round(writingSeconds(entries, kustomizeClient), 1)} s`)
  const calls = Object.entries(breakDown(entries, kustomizeClient)).slice(0, 14)
  for (const [what, count] of calls) onProgress(`  ${String(round(count / n)).padStart(7)} a Kustomization: ${what}`)
}
