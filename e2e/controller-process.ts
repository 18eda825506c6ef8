import { spawn, type ChildProcess } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import type { Bundle } from '../tools/bundle.ts'

export interface ControllerProcess {
  readonly pid: number
  /** File with all lines it printed, of earlier processes too. */
  readonly log: string
  /** `http://127.0.0.1:port/metrics` */
  readonly metricsUrl: string
  /** From the start of the process to its own `ready`, milliseconds. */
  readonly startMs: number
  /** Resolves to the exit code, or the signal's name. */
  readonly exited: Promise<number | string>
  /** Resolves when it has ended: a SIGTERM is followed by SIGKILL as a kubelet's is. */
  kill(signal: NodeJS.Signals): Promise<void>
  /** VmRSS and VmHWM in MiB. */
  memory(): Promise<{ readonly rssMiB: number; readonly peakMiB: number }>
  /** User and system time so far, seconds. */
  cpuSeconds(): Promise<number>
}

export interface Launch {
  readonly bundle: Bundle
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** File that its output is added to. */
  readonly log: string
}

/** A controller from the moment it is spawned, ready or not. */
export interface Launched {
  readonly exited: Promise<number | string>
  /** Rejects when it ends before it is ready. */
  readonly ready: Promise<ControllerProcess>
  kill(signal: NodeJS.Signals): Promise<void>
}

/** What the chart gives a pod to end. */
const graceMs = 60_000
const sourceGraceMs = 30_000

export function launch({ bundle, args, env, log }: Launch): Launched {
  const startedMs = performance.now()
  const child = spawn(process.execPath, [...bundle.nodeFlags, bundle.file, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...bundle.env, ...env },
  })
  const exited = new Promise<number | string>((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal ?? 'unknown')))
  const kill = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal)
    const late = setTimeout(() => child.kill('SIGKILL'), args[0] === 'source-controller' ? sourceGraceMs : graceMs)
    await exited
    clearTimeout(late)
  }
  const file = createWriteStream(log, { flags: 'a' })
  child.once('close', () => file.end())
  child.stderr.pipe(file, { end: false })
  const pid = child.pid ?? 0
  const ready = untilReady(child, { file, exited, log }).then((metricsUrl): ControllerProcess => ({
    pid,
    log,
    metricsUrl,
    startMs: performance.now() - startedMs,
    exited,
    kill,
    memory: () => readMemory(pid),
    cpuSeconds: () => readCpuSeconds(pid),
  }))
  ready.catch(() => undefined) // a doomed one is not asked whether it was ready
  return { exited, ready, kill }
}

async function untilReady(child: ChildProcess, { file, exited, log }: { file: NodeJS.WritableStream; exited: Promise<number | string>; log: string }): Promise<string> {
  if (child.stdout === null) throw new Error('a controller without output')
  let metrics = ''
  const ready = new Promise<void>((resolve) => {
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      file.write(`${line}\n`)
      const read = parseLine(line)
      if (read?.msg === 'serving' && typeof read['metrics'] === 'string') metrics = `http://${read['metrics']}/metrics`
      if (read?.msg === 'ready') resolve()
    })
  })
  const early = await Promise.race([ready, exited])
  if (early !== undefined) throw new Error(`controller ended with ${early} before it was ready:\n${await tailOf(log)}`)
  return metrics
}

/** The end of a log, for failure messages. */
export async function tailOf(log: string): Promise<string> {
  return (await readFile(log, 'utf8').catch(() => '')).slice(-2_000)
}

function parseLine(line: string): { readonly msg?: unknown; readonly [field: string]: unknown } | undefined {
  try {
    return JSON.parse(line) as { readonly msg?: unknown }
  } catch {
    return undefined
  }
}

/** VmRSS and VmHWM of any process of this machine, in MiB. */
export async function readMemory(pid: number): Promise<{ readonly rssMiB: number; readonly peakMiB: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const inMiB = (field: string): number => {
    const kib = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]
    if (kib === undefined) throw new Error(`process ${pid} has no ${field}: it has ended`)
    return Number(kib) / 1024
  }
  return { rssMiB: inMiB('VmRSS'), peakMiB: inMiB('VmHWM') }
}

/** User and system time of any process of this machine, in seconds (100 ticks each, as Linux counts). */
export async function readCpuSeconds(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /s, '').split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}
