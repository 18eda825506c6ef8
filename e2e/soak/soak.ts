import { setTimeout as pause } from 'node:timers/promises'
import { findLeftFiles, findProcesses } from '../aftermath.ts'
import { until } from '../fleet.ts'
import { createJournal, findWrongDeletions } from '../invariants.ts'
import { declaredBy } from './apps.ts'
import type { SoakArguments } from './arguments.ts'
import { ourAgents, startAuditor, type Auditor } from './audit.ts'
import { judgeAll, warmUpMs, type Judged } from './flat.ts'
import { createLedger, type Ledger } from './ledger.ts'
import { createLife, type Life } from './life.ts'
import { mostEngineMiB, seriesOf, startRecorder, type Line, type Recorder } from './recorder.ts'
import { isResting, isRestSample, rhythmOf } from './rhythm.ts'
import { controllers, startRig, type Rig } from './rig.ts'
import { appliedCommit, differences, isReady, listKustomizations, notSettled, wrongStatuses } from './state.ts'

export interface Report {
  readonly minutes: number
  readonly kustomizations: number
  readonly seed: number
  readonly commits: number
  /** Injected faults, by path. */
  readonly faults: Readonly<Record<string, number>>
  /** What people did, by kind. */
  readonly happenings: Readonly<Record<string, number>>
  /** API calls by controller, watches apart. */
  readonly calls: Readonly<Record<string, number>>
  readonly deletions: number
  readonly cpuSeconds: Readonly<Record<string, number>>
  readonly warmUpMinutes: number
  readonly verdict: Readonly<Record<string, Judged>>
  /** What the soak itself could not do or read on the way; none is how it should be, and a few do no harm. */
  readonly trouble: readonly string[]
  /** What is wrong besides: not ready at the end, wrongly deleted, left behind. */
  readonly problems: readonly string[]
  readonly record: string
  /** Measures that rise steadily, be it within what is allowed. */
  readonly rising: readonly string[]
  readonly isFlat: boolean
}

export interface SoakOptions extends Omit<SoakArguments, 'record'> {
  readonly record: string
  readonly onProgress: (line: string) => void
  /** Ends the run early, with nothing left behind. */
  readonly signal: AbortSignal
}

const everyMs = 10_000
const linesAMinute = 6
const readyTimeoutMs = 15 * 60_000
const settleTimeoutMs = 10 * 60_000
const mostProblems = 50

interface Soak {
  readonly options: SoakOptions
  readonly rig: Rig
  readonly ledger: Ledger
  readonly life: Life
  readonly auditor: Auditor
  readonly recorder: Recorder
  /** What we could not do or read, one sentence each. */
  readonly trouble: string[]
}

export async function soak(options: SoakOptions): Promise<Report> {
  const { onProgress, signal, seed } = options
  await using rig = await startRig(options)
  const { platform } = rig.flow
  const auditor = await startAuditor(platform.cluster)
  const journal = createJournal()
  for (const app of rig.apps) journal.push(app.name, 'first', declaredBy(app))
  const ledger = createLedger(rig.repositories, journal)
  const trouble: string[] = []
  const onTrouble = (message: string): void => {
    trouble.push(message)
    onProgress(message)
  }
  const life = createLife({ kube: platform.kube, apps: rig.apps, ledger, seed, onTrouble })
  const recorder = await startRecorder(rig, options.record)
  const running: Soak = { options, rig, ledger, life, auditor, recorder, trouble }

  const ready = async (): Promise<true | undefined> => ((await listKustomizations(platform.kube)).filter(isReady).length === rig.apps.length ? true : undefined)
  await until('the whole fleet is ready', async () => (signal.throwIfAborted(), ready()), { timeoutMs: readyTimeoutMs, everyMs: 1_000 })
  onProgress('the fleet is ready; changes and faults begin')
  rig.paths.begin()
  const cpuSeconds = await liveAndRecord(running)
  rig.paths.end()

  onProgress('faults end; everything is repaired')
  const found = await settled(running)
  await auditor.read()
  const audit = auditor.deletions()
  const wrong = findWrongDeletions({ audit, revisions: journal.revisions(), deletesAs: ourAgents })
  const problems = [...found, ...wrong, ...largeEngines(recorder.lines()), ...(await leftBehind(running))]
  const runMs = options.minutes * 60_000
  const verdict = judgeAll(seriesOf(recorder.lines()), warmUpMs(runMs))
  return {
    minutes: options.minutes,
    kustomizations: rig.apps.length,
    seed,
    commits: ledger.commits(),
    faults: rig.paths.counts(),
    happenings: life.happenings(),
    calls: auditor.calls(),
    deletions: audit.length,
    cpuSeconds,
    warmUpMinutes: warmUpMs(runMs) / 60_000,
    verdict,
    trouble: trouble.slice(0, mostProblems),
    problems: problems.slice(0, mostProblems),
    record: options.record,
    rising: Object.entries(verdict).flatMap(([measure, { isRising }]) => (isRising ? [measure] : [])),
    isFlat: Object.values(verdict).every(({ isFlat }) => isFlat),
  }
}

/** Resolves to the CPU time of each controller. */
async function liveAndRecord(running: Soak): Promise<Readonly<Record<string, number>>> {
  const { options, rig, life } = running
  const ending = new AbortController()
  const living = life.live(AbortSignal.any([ending.signal, options.signal]))
  living.catch((error: unknown) => ending.abort(error)) // told below, and ends the recording too
  const startedMs = performance.now()
  const runMs = options.minutes * 60_000
  const samples = Math.floor(runMs / everyMs)
  const rhythm = rhythmOf(samples)
  const warm = Math.ceil(warmUpMs(runMs) / everyMs)
  try {
    for (let at = 0; at < samples; at += 1) {
      await record(running, { atMs: performance.now() - startedMs, isRest: isRestSample(at, rhythm) }).catch((error: unknown) => missed(running, error))
      life.rest(isResting(at, rhythm))
      if (options.heap !== undefined && at === warm) snapshotHeaps(rig)
      await pause(Math.max(0, startedMs + (at + 1) * everyMs - performance.now()), undefined, { signal: AbortSignal.any([ending.signal, options.signal]) })
    }
  } catch (error) {
    if (ending.signal.aborted) throw ending.signal.reason
    throw error
  } finally {
    ending.abort()
  }
  await living
  if (options.heap !== undefined) snapshotHeaps(rig)
  const last = running.recorder.lines().at(-1)
  return Object.fromEntries(controllers.map((name) => [name, last?.controllers[name].cpuSeconds ?? 0]))
}

/** A machine that is short of time may owe an answer; a controller that ended owes the whole run. */
function missed({ rig: { flow }, trouble, options }: Soak, error: unknown): void {
  for (const name of controllers) process.kill(flow.platform.controller(name).pid, 0)
  trouble.push(`a sample was missed: ${error instanceof Error ? error.message : String(error)}`)
  options.onProgress(trouble.at(-1) ?? '')
}

async function record({ options, rig, ledger, auditor, recorder }: Soak, moment: Pick<Line, 'atMs' | 'isRest'>): Promise<void> {
  const objects = await listKustomizations(rig.flow.platform.kube)
  const byName = new Map(objects.map((object) => [object.metadata.name, object]))
  for (const app of rig.apps) {
    const object = byName.get(app.name)
    if (object && isReady(object)) ledger.seen(app, appliedCommit(object))
  }
  const faults = Object.values(rig.paths.counts()).reduce((sum, each) => sum + each, 0)
  const line = await recorder.take({ ...moment, ready: objects.filter(isReady).length, commits: ledger.commits(), faults })
  if (moment.isRest) await auditor.read()
  if (moment.isRest || recorder.lines().length % linesAMinute === 1) options.onProgress(show(line))
}

function show({ atMs, isRest, controllers: read, ready, commits, faults, diskMiB }: Line): string {
  const ours = controllers.map((name) => {
    const { rssMiB, heapMiB, files, sockets, timers, liveTimers, cpuSeconds } = read[name]
    const held = heapMiB === undefined ? '' : ` heap ${heapMiB.toFixed(1)} live timers ${liveTimers}`
    return `${name.split('-')[0]} rss ${rssMiB.toFixed(0)} fds ${files} sockets ${sockets} timers ${timers}${held} cpu ${cpuSeconds.toFixed(0)}`
  })
  const disk = Object.entries(diskMiB ?? {}).map(([name, size]) => `${name} ${size}`)
  const onDisk = disk.length === 0 ? '' : ` | MiB on disk: ${disk.join(' ')}`
  return `${(atMs / 60_000).toFixed(1)} min ${isRest ? 'rest' : 'work'} | ready ${ready} commits ${commits} faults ${faults} | ${ours.join(' | ')}${onDisk}`
}

function snapshotHeaps({ flow: { platform } }: Rig): void {
  for (const name of controllers) process.kill(platform.controller(name).pid, 'SIGPROF')
}

/** The end state: ready at the last revision, as declared, with statuses that clients can read. */
async function settled({ options, rig, ledger, life }: Soak): Promise<readonly string[]> {
  const { kube } = rig.flow.platform
  await life.settle()
  const last = ledger.last()
  const look = async (): Promise<readonly string[]> => notSettled(await listKustomizations(kube), rig.apps, last)
  const done = async (): Promise<true | undefined> => (options.signal.throwIfAborted(), (await look()).length === 0 ? true : undefined)
  await until('every Kustomization is ready at the last revision', done, { timeoutMs: settleTimeoutMs, everyMs: 2_000 }).catch((error: unknown) => options.onProgress(String(error)))
  return [...(await look()), ...wrongStatuses(await listKustomizations(kube)), ...(await differences(kube, rig.apps))]
}

/** The second largest counts: a process that was just forked seems as large as its parent, for a moment. */
function largeEngines(lines: readonly Line[]): readonly string[] {
  const [, largest = 0] = lines.map(({ controllers: read }) => read['kustomize-controller'].children?.largestMiB ?? 0).sort((a, b) => b - a)
  return largest > mostEngineMiB ? [`an engine process took ${largest.toFixed(0)} MiB, more than ${mostEngineMiB}`] : []
}

/** Ends the controllers as a deployment would, and looks for what they left. */
async function leftBehind({ rig: { flow } }: Soak): Promise<readonly string[]> {
  const { platform } = flow
  const codes = await platform.stopControllers()
  return [
    ...codes.filter((code) => code !== 0).map((code) => `a controller ended with ${code}`),
    ...(await findProcesses(platform.dir)).map((each) => `left running: ${each}`),
    ...(await findLeftFiles(platform)).map((each) => `left on disk: ${each}`),
  ]
}
