import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { findFreePort, startControlPlane, startNats, type ControlPlane, type Fleet, type Nats } from '@weir/shared/control-plane'
import { kustomizeEngineBinary } from '@weir/shared/engine'
import { createKube, loadConfig, type Kube } from '@weir/shared/kube'
import { quietTelemetry } from '@weir/shared/telemetry'
import { installChart } from '@weir/shared/testing'
import { bundleWeir } from '../tools/bundle.ts'
import { launch, tailOf, type ControllerProcess, type Launched } from './controller-process.ts'

export { readCpuSeconds, readMemory, type ControllerProcess } from './controller-process.ts'

export type ControllerName = 'source-controller' | 'kustomize-controller'

export interface PlatformOptions {
  /** Default `full`. */
  readonly fleet?: Fleet
  /** A bus beside the watches; default none. */
  readonly nats?: boolean
  /** Further flags of each controller. */
  readonly flags?: Partial<Readonly<Record<ControllerName, readonly string[]>>>
  /** Both controllers in one process (`weir all`); default one process each. */
  readonly together?: boolean
  /** Address of the API server that the controllers are given instead of the real one (a fault proxy): path of a kubeconfig by controller. */
  readonly kubeconfig?: (controller: ControllerName, direct: string) => string
  /** Further flags of Node for the controllers, such as `--cpu-prof`. */
  readonly nodeFlags?: readonly string[]
  onProgress?(line: string): void
  /** Aborts the start only. */
  readonly signal?: AbortSignal
}

/** Weir on this machine: a control plane, and the controllers as they are shipped, each a process of its own. */
export interface Platform extends AsyncDisposable {
  readonly cluster: ControlPlane
  readonly nats: Nats | undefined
  /** As an administrator. */
  readonly kube: Kube
  /** Everything that the platform writes. */
  readonly dir: string
  /** Where artifacts are stored, also while source-controller does not run. */
  readonly storagePath: string
  /** `host:port` that artifacts are served on. */
  readonly storageAddress: string
  /** Starts a controller, or starts it again after it ended; resolves when it is ready. Together: either name means both. */
  start(controller: ControllerName, options?: StartOptions): Promise<ControllerProcess>
  /** Starts a controller that kills itself at a step, `<step>/<begin|end>[/n]`; resolves when it is dead, rejects if it lives on. */
  startDoomed(controller: ControllerName, killAt: string, options?: StartOptions): Promise<void>
  /** The process started last; throws when there is none. */
  controller(controller: ControllerName, replica?: string): ControllerProcess
  /** Log files of all controllers so far. */
  logs(): Promise<readonly string[]>
  /** Ends the controllers as SIGTERM does, and nothing else; resolves to their exit codes. */
  stopControllers(): Promise<readonly (number | string)[]>
  stop(): Promise<void>
}

export interface StartOptions {
  /** After the platform's own: the last one of a name counts. */
  readonly flags?: readonly string[]
  /** Added to the environment of the process. */
  readonly env?: Readonly<Record<string, string>>
  /** Another process of the same controller beside the first, with a disk of its own. */
  readonly replica?: string
  /** In place of the platform's. */
  readonly kubeconfig?: string
}

const bothControllers: readonly ControllerName[] = ['source-controller', 'kustomize-controller']

/** Starts a control plane with the chart's definitions and rights; no controller runs yet. */
export async function startPlatform(options: PlatformOptions = {}): Promise<Platform> {
  const { fleet = 'full', onProgress, signal } = options
  await using starting = new AsyncDisposableStack() // a start that fails leaves nothing
  const dir = await mkdtemp(path.join(tmpdir(), 'weir-platform-'))
  starting.defer(() => rm(dir, { recursive: true, force: true }))
  const shipped = await bundleWeir()
  const engine = await kustomizeEngineBinary()
  const bundle = { ...shipped, nodeFlags: [...shipped.nodeFlags, ...(options.nodeFlags ?? [])] }
  const cluster = starting.use(await startControlPlane({ fleet, ...(signal ? { signal } : {}), ...(onProgress ? { onProgress } : {}) }))
  const running = new Map<string, ControllerProcess>()
  const launched = new Set<Launched>()
  await installChart(cluster, { controllers: bothControllers })
  const nats = options.nats ? starting.use(await startNats({})) : undefined
  const kube = await createKube({ config: await loadConfig({ kubeconfig: cluster.kubeconfig() }), userAgent: 'weir-platform', telemetry: quietTelemetry() })
  starting.defer(() => kube.close())
  const storageAddress = `127.0.0.1:${await findFreePort()}`
  const logsDir = path.join(dir, 'logs')
  await mkdir(logsDir)

  const keyOf = (controller: ControllerName, replica = ''): string => `${options.together ? 'all' : controller}${replica === '' ? '' : `-${replica}`}`
  const argumentsOf = (controller: ControllerName, { flags = [], replica = '', kubeconfig: given }: StartOptions): readonly string[] => {
    const direct = cluster.kubeconfig(options.together ? undefined : controller)
    const kubeconfig = given ?? options.kubeconfig?.(controller, direct) ?? direct
    const source = [`--storage-path=${path.join(dir, `store${replica}`)}`, `--storage-addr=${storageAddress}`, ...(options.flags?.['source-controller'] ?? [])]
    const kustomize = [`--kustomize-engine=${engine}`, `--cache-path=${path.join(dir, `cache${replica}`)}`, ...(options.flags?.['kustomize-controller'] ?? [])]
    const shared = ['--metrics-addr=127.0.0.1:0', '--health-addr=127.0.0.1:0', ...(nats ? [`--nats-url=${nats.url}`] : [])]
    const own = { 'source-controller': source, 'kustomize-controller': kustomize }
    return [keyOf(controller), '--kubeconfig', kubeconfig, ...shared, ...(options.together ? [...source, ...kustomize] : own[controller]), ...flags]
  }
  const launchOne = (controller: ControllerName, start: StartOptions): Launched => {
    const one = launch({ bundle, args: argumentsOf(controller, start), env: start.env ?? {}, log: path.join(logsDir, `${keyOf(controller, start.replica)}.log`) })
    launched.add(one)
    void one.exited.then(() => launched.delete(one))
    return one
  }
  if (!existsSync(bundle.env['NODE_COMPILE_CACHE'] ?? '')) {
    // Node keeps compiled code when a process ends: without it the first start is slower and larger than any that a user sees.
    const first = (options.together ? (['source-controller'] as const) : bothControllers).map((controller) => launchOne(controller, { replica: 'warm-up' })) // together they are one process
    await Promise.all(first.map(({ ready }) => ready))
    await Promise.all(first.map(async (each) => each.kill('SIGTERM').then(() => each.exited)))
  }
  const stopControllers = (): Promise<readonly (number | string)[]> => Promise.all([...launched].map((each) => each.kill('SIGTERM').then(() => each.exited)))
  const started = starting.move()
  const stop = async (): Promise<void> => {
    await stopControllers()
    await started.disposeAsync()
  }
  return {
    cluster,
    nats,
    kube,
    dir,
    storagePath: path.join(dir, 'store'),
    storageAddress,
    async start(controller, start = {}) {
      const key = keyOf(controller, start.replica)
      const before = running.get(key)
      if (before && options.together && (await isAlive(before))) return before
      const ready = await launchOne(controller, start).ready
      running.set(key, ready)
      return ready
    },
    async startDoomed(controller, killAt, start = {}) {
      const one = launchOne(controller, { ...start, env: { ...start.env, WEIR_TEST_KILL_AT: killAt } })
      const ended = await Promise.race([one.exited, pause(doomMs, 'lives on', { ref: false })])
      if (ended === 'SIGKILL') return
      await one.kill('SIGKILL')
      throw new Error(`${controller} was to kill itself at ${killAt}, but ${ended === 'lives on' ? `did not within ${doomMs / 1000} s` : `ended with ${ended}`}:\n${await tailOf(path.join(logsDir, `${keyOf(controller, start.replica)}.log`))}`)
    },
    controller(controller, replica) {
      const found = running.get(keyOf(controller, replica))
      if (found === undefined) throw new Error(`${controller} was not started`)
      return found
    },
    logs: async () => (await readdir(logsDir)).sort().map((name) => path.join(logsDir, name)),
    stopControllers,
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** How long a process may take to reach the step at which it kills itself. */
const doomMs = 30_000

async function isAlive(each: ControllerProcess): Promise<boolean> {
  return (await Promise.race([each.exited, Promise.resolve('running')])) === 'running'
}
