import { mkdir, symlink, unlink } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { findFreePort, startChild, type Child, type RunFolder } from '@weir/shared/control-plane'
import { readMemory } from '../controller-process.ts'
import { fluxNamespace } from './rights.ts'

export type FluxController = 'source-controller' | 'kustomize-controller'

/** One running controller of Flux. */
export interface FluxProcess {
  readonly pid: number
  /** File with all lines it printed, of earlier processes too. */
  readonly log: string
  /** `http://127.0.0.1:port/metrics` */
  readonly metricsUrl: string
  /** From the start of the process until it worked, milliseconds. */
  readonly startMs: number
  /** Resolves to how it ended: `exit 0`, `SIGKILL`. */
  readonly exited: Promise<string>
  /** As Kubernetes does: SIGTERM, and SIGKILL after 30 s. Resolves when it is gone. */
  stop(): Promise<void>
  /** At once; resolves when it is gone. */
  kill(): Promise<void>
  /** VmRSS and VmHWM in MiB. */
  memory(): Promise<{ readonly rssMiB: number; readonly peakMiB: number }>
}

export interface FluxLaunch {
  readonly name: FluxController
  readonly binary: string
  readonly folder: RunFolder
  readonly kubeconfig: string
  readonly flags: readonly string[]
  /** Of source-controller: `host:port` that must answer before it is ready. */
  readonly storageAddress?: string | undefined
  readonly signal?: AbortSignal | undefined
}

const graceMs = 30_000
const readyTimeoutMs = 120_000
const askEveryMs = 20

/** Starts one and resolves when it works: its caches are filled, its workers wait for keys, and artifacts are served. */
export async function launchFlux({ name, binary, folder, kubeconfig, flags, storageAddress, signal }: FluxLaunch): Promise<FluxProcess> {
  const startedMs = performance.now()
  const [metrics, health] = [await findFreePort(), await findFreePort()]
  const log = path.join(folder.dir, 'logs', `${name}.log`)
  await mkdir(path.dirname(log), { recursive: true })
  const args = ['--watch-all-namespaces', '--log-level=info', '--log-encoding=json', '--events-addr=', `--metrics-addr=127.0.0.1:${metrics}`, `--health-addr=127.0.0.1:${health}`]
  // Two kustomize-controllers in one temporary folder purge each other's builds when they start.
  const temp = path.join(folder.dir, 'temp', name)
  await mkdir(temp, { recursive: true })
  const env = { RUNTIME_NAMESPACE: fluxNamespace, KUBECONFIG: kubeconfig, TMPDIR: temp }
  const child = await startChild({ name, binary: await nameIn(folder, { name, binary }), args: [...args, ...flags], folder, logFile: log, env })
  try {
    await untilWorking(child, { name, urls: [`http://127.0.0.1:${health}/readyz`, ...(storageAddress === undefined ? [] : [`http://${storageAddress}/`])], signal })
  } catch (error) {
    await child.end(0)
    throw error
  }
  return {
    pid: child.pid,
    log,
    metricsUrl: `http://127.0.0.1:${metrics}/metrics`,
    startMs: performance.now() - startedMs,
    exited: child.ended,
    stop: () => end(child, graceMs),
    kill: () => end(child, 0),
    memory: () => readMemory(child.pid),
  }
}

async function end(child: Child, grace: number): Promise<void> {
  if (!child.hasEnded()) await child.end(grace)
}

/** A link in the run's folder: its user agent is the name that it was started by, and a later start knows it as a process of this folder. */
async function nameIn({ dir }: RunFolder, { name, binary }: { readonly name: string; readonly binary: string }): Promise<string> {
  const link = path.join(dir, 'bin', name)
  await mkdir(path.dirname(link), { recursive: true })
  await unlink(link).catch(() => undefined)
  await symlink(binary, link)
  return link
}

/** The last thing a controller says before it takes work. */
const workers: Readonly<Record<FluxController, string>> = { 'source-controller': 'gitrepository', 'kustomize-controller': 'kustomization' }

interface Working {
  readonly name: FluxController
  readonly urls: readonly string[]
  readonly signal?: AbortSignal | undefined
}

async function untilWorking(child: Child, { name, urls, signal }: Working): Promise<void> {
  for (const endMs = performance.now() + readyTimeoutMs; ; await pause(askEveryMs, undefined, { signal })) {
    const output = await child.output()
    const isWorking = output.split('\n').some((line) => line.includes('"msg":"Starting workers"') && line.includes(`"controller":"${workers[name]}"`))
    if (isWorking && (await Promise.all(urls.map(answers))).every(Boolean)) return
    const tail = output.slice(-2_000)
    if (child.hasEnded()) throw new Error(`Flux's ${name} ended with ${await child.ended} before it worked:\n${tail}`)
    if (performance.now() > endMs) throw new Error(`Flux's ${name} did not work within ${readyTimeoutMs / 1000} s:\n${tail}`)
  }
}

async function answers(url: string): Promise<boolean> {
  return fetch(url).then(async (answer) => answer.arrayBuffer().then(() => answer.ok), () => false)
}
