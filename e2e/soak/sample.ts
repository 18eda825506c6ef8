import { readdir, readFile, readlink, stat } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { readCpuSeconds, readMemory, type ControllerProcess } from '../controller-process.ts'

/** What one process holds at one moment, as `/proc` and its own metrics tell. */
export interface Sample {
  readonly rssMiB: number
  /** Open file descriptors of any kind. */
  readonly files: number
  readonly sockets: number
  /** Timers that keep the process alive. */
  readonly timers: number
  /** Everything that keeps it alive, timers included. */
  readonly resources: number
  readonly cpuSeconds: number
}

/** What is left after a full garbage collection. */
export interface Held {
  readonly heapMiB: number
  readonly externalMiB: number
  /** All timers, those that do not keep the process alive included. */
  readonly liveTimers: number
}

/** How long a controller may take to answer; two cores are shared with a control plane. */
const answerMs = 60_000

export async function readSample({ pid, metricsUrl }: Pick<ControllerProcess, 'pid' | 'metricsUrl'>): Promise<Sample> {
  const folder = `/proc/${pid}/fd`
  const links = await Promise.all((await readdir(folder)).map((name) => readlink(path.join(folder, name)).catch(() => ''))) // one may be closed by now
  const text = await (await fetch(metricsUrl, { signal: AbortSignal.timeout(answerMs) })).text()
  return {
    rssMiB: (await readMemory(pid)).rssMiB,
    files: links.filter((link) => link !== '').length,
    sockets: links.filter((link) => link.startsWith('socket:')).length,
    timers: readMetric(text, /^nodejs_active_resources\{type="Timeout"\} (\S+)$/m) ?? 0, // no such row: no such timer
    resources: readMetric(text, /^nodejs_active_resources_total (\S+)$/m) ?? fail('nodejs_active_resources_total is not told'),
    cpuSeconds: await readCpuSeconds(pid),
  }
}

/** Of Prometheus' text. Exported for its test. */
export function readMetric(text: string, row: RegExp): number | undefined {
  const value = row.exec(text)?.[1]
  return value === undefined ? undefined : Number(value)
}

function fail(message: string): never {
  throw new Error(message)
}

/** Asks the probe (`probe.ts`) of a process; each answer is told from the one before it. */
export async function readHeld(pid: number, file: string): Promise<Held> {
  const before = await readFile(file, 'utf8').catch(() => '')
  process.kill(pid, 'SIGUSR2')
  for (const endMs = performance.now() + answerMs; performance.now() < endMs; await pause(50)) {
    const answer = await readFile(file, 'utf8').catch(() => '')
    if (answer !== '' && answer !== before) return JSON.parse(answer) as Held
  }
  throw new Error(`process ${pid} did not say what it holds within ${answerMs / 1000} s`)
}

/** Resident memory of the processes that a process has started and that live now: of the largest, and of all. */
export async function readChildren(pid: number): Promise<{ readonly largestMiB: number; readonly rssMiB: number }> {
  const pids = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).split(' ').filter((each) => each !== '')
  const sizes = await Promise.all(pids.map((each) => readMemory(Number(each)).then(({ rssMiB }) => rssMiB, () => 0)))
  return { largestMiB: Math.max(0, ...sizes), rssMiB: sizes.reduce((sum, each) => sum + each, 0) }
}

/** Bytes of all files below a folder, in MiB; one that goes away meanwhile counts nothing. */
export async function readFolderMiB(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name))
  const sizes = await Promise.all(files.map((file) => stat(file).then(({ blocks }) => blocks * 512, () => 0)))
  return sizes.reduce((sum, each) => sum + each, 0) / 2 ** 20
}
