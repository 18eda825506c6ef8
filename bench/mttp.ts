import { setTimeout as pause } from 'node:timers/promises'
import type { AuditEntry } from '@weir/shared/control-plane'
import { breakDown, countWork, writingSeconds } from './audit.ts'
import { ratiosOf, round, type PhaseSeconds } from './figures.ts'
import { appNames, fleetFiles, kustomizationOf, type Shape } from './fleet.ts'
import { measureLimit, type LimitFigures } from './limit.ts'
import { readHeap, readMetrics } from './metrics.ts'
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
    const { n, shape, pace, onProgress, signal, beside } = options
    const names = appNames(n)
    const known = limitOf(beside, n)
    const limitOnce = (): Promise<LimitFigures> => measureLimit({ names, shape, pace, onProgress, signal })
    const before = known ?? (await limitOnce())
    const { fleet, ...work } = await runFleet(options, names)
    // A machine is faster at one time than at another, by as much as the budget leaves: the limit stands on both sides.
    const limit = known ?? (n < small ? before : meanOf([before, await limitOnce()]))
    return { n, shape, ...figuresOf(fleet, limit, n), limitCallsPerKustomization: limit.callsPerKustomization, ...work }
  },
}

/** A fleet of this size rests no 30 s, and its limit is measured once: it shows that the bench works. */
const small = 50

interface FleetWork {
  readonly fleet: FleetRun
  readonly cpuSeconds: number
  readonly rssMiB: number
  readonly peakMiB: number
}

async function runFleet({ n, shape, pace, onProgress, signal, system, profile }: ScenarioOptions, names: readonly string[]): Promise<FleetWork> {
  await using testbed = await startTestbed({ system, files: fleetFiles(shape, names, 'first'), pace, profile, onProgress, signal })
  const startCpuSeconds = await testbed.cpuSeconds()
  const fleet = await installThenUpgrade(testbed, { names, shape, onProgress })
  const cpuSeconds = (await testbed.cpuSeconds()) - startCpuSeconds
  onProgress(`cpu: ${round(cpuSeconds, 1)} s, and ${round(startCpuSeconds, 1)} s to start`)
  await pause(n < small ? 0 : pace.restMs, undefined, { signal })
  return { fleet, cpuSeconds: round(cpuSeconds, 1), ...(await memoryOf(testbed, onProgress)) }
}

/** Exported for its test. */
export function meanOf(limits: readonly LimitFigures[]): LimitFigures {
  const mean = (key: keyof LimitFigures): number => round(limits.reduce((sum, limit) => sum + limit[key], 0) / limits.length)
  return { installSeconds: mean('installSeconds'), upgradeSeconds: mean('upgradeSeconds'), callsPerKustomization: mean('callsPerKustomization') }
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

export interface FleetRun extends PhaseSeconds {
  /** Of both phases: what the API server was asked. */
  readonly phases: readonly (readonly AuditEntry[])[]
}

export type FleetOptions = Pick<ScenarioOptions, 'shape' | 'onProgress'> & { readonly names: readonly string[] }

/** From the first POST, then from the new artifact in the source's status, to the last Ready at that revision. */
export async function installThenUpgrade(testbed: Testbed, options: FleetOptions): Promise<FleetRun> {
  const { names, shape, onProgress } = options
  const install = await testbed.audited(() => installFleet(testbed, options))
  tellPhase(onProgress, { phase: 'install', n: names.length, seconds: install.value }, install.entries)
  const upgrade = await testbed.audited(async () => {
    const { revision, storedAtMs } = await testbed.push(fleetFiles(shape, names, 'second'))
    return secondsBetween(storedAtMs, await testbed.untilReady('upgrade', names, revision))
  })
  tellPhase(onProgress, { phase: 'upgrade', n: names.length, seconds: upgrade.value }, upgrade.entries)
  return { installSeconds: install.value, upgradeSeconds: upgrade.value, phases: [install.entries, upgrade.entries] }
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

function figuresOf(ours: FleetRun, limit: PhaseSeconds, n: number): Figures {
  const counts = ours.phases.map((entries) => countWork(entries, kustomizeClient))
  const worst = (key: 'calls' | 'statusWrites'): number => round(Math.max(...counts.map((each) => each[key])) / n)
  return {
    installSeconds: ours.installSeconds,
    upgradeSeconds: ours.upgradeSeconds,
    limitInstallSeconds: limit.installSeconds,
    limitUpgradeSeconds: limit.upgradeSeconds,
    ...ratiosOf(ours, limit),
    apiCallsPerKustomization: worst('calls'),
    statusWritesPerKustomization: worst('statusWrites'),
    dryRuns: counts.reduce((sum, { dryRuns }) => sum + dryRuns, 0),
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
