import path from 'node:path'
import { startControlPlane, type ControlPlane } from '@weir/shared/control-plane'
import { kustomizeEngineBinary } from '@weir/shared/engine'
import { startFluxControllers, type FluxController } from '../e2e/flux/flux.ts'
import { startPlatform, type ControllerName, type PlatformOptions } from '../e2e/platform.ts'
import { tallyEngine } from './tally.ts'

/** Whose controllers are measured. */
export type SystemName = 'weir' | 'flux'

export interface SystemOptions {
  readonly system: SystemName
  /** `host:port` that artifacts are served on, and the one that their URLs name. */
  readonly storageAddress: string
  readonly advertised: string
  /** Both controllers in one process; ours only. */
  readonly together: boolean
  /** Folder that takes CPU profiles; ours only. */
  readonly profile?: string | undefined
  /** Artifacts that were downloaded so far. */
  readonly downloads: () => number
  readonly onProgress: (line: string) => void
  readonly signal: AbortSignal
}

/** A source-controller and a kustomize-controller, and the freshly booted control plane that is theirs alone. */
export interface System extends AsyncDisposable {
  readonly cluster: ControlPlane
  /** Starts the controllers: one process each, or one for both. */
  start(): Promise<readonly Measured[]>
  /** Builds so far, counted outside of the controllers; by whom: bench/README.md. Throws where nobody has counted yet. */
  builds(): Promise<number>
}

/** A running process of a system. */
export interface Measured {
  /** `kustomize-controller`; `all` for both in one. */
  readonly name: string
  readonly pid: number
  readonly metricsUrl: string
  /** From the start of the process to its own ready, milliseconds. */
  readonly startMs: number
  memory(): Promise<{ readonly rssMiB: number; readonly peakMiB: number }>
}

/** The tuning of Flux's own benchmark. */
export const fluxTuning = ['--concurrent=20', '--kube-api-qps=500', '--kube-api-burst=1000']

export function startSystem(options: SystemOptions): Promise<System> {
  return options.system === 'weir' ? startWeir(options) : startFlux(options)
}

async function startWeir({ storageAddress, advertised, together, profile, onProgress, signal }: SystemOptions): Promise<System> {
  await using starting = new AsyncDisposableStack()
  const engine = starting.use(await tallyEngine(await kustomizeEngineBinary({ signal })))
  const options: PlatformOptions = {
    fleet: 'full',
    together,
    onProgress,
    signal,
    flags: { 'source-controller': [`--storage-addr=${storageAddress}`, `--storage-adv-addr=${advertised}`], 'kustomize-controller': [`--kustomize-engine=${engine.program}`] },
    ...(profile !== undefined && { nodeFlags: ['--cpu-prof', `--cpu-prof-dir=${profile}`] }),
  }
  const platform = starting.use(await startPlatform(options))
  const started = starting.move()
  const names: readonly ControllerName[] = together ? ['source-controller'] : ['source-controller', 'kustomize-controller']
  return {
    cluster: platform.cluster,
    start: () =>
      Promise.all(
        names.map(async (name) => {
          const { pid, log, metricsUrl, startMs, memory } = await platform.start(name)
          return { name: path.basename(log, '.log'), pid, metricsUrl, startMs, memory }
        }),
      ),
    builds: () => engine.requests(),
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}

async function startFlux({ storageAddress, advertised, downloads, onProgress, signal }: SystemOptions): Promise<System> {
  await using starting = new AsyncDisposableStack()
  const cluster = starting.use(await startControlPlane({ fleet: 'full', onProgress, signal }))
  const flags = { 'source-controller': fluxTuning, 'kustomize-controller': fluxTuning }
  const flux = starting.use(await startFluxControllers({ cluster, which: [], flags, storageAddress, advertised, onProgress, signal }))
  const names: readonly FluxController[] = ['source-controller', 'kustomize-controller']
  const started = starting.move()
  return {
    cluster,
    start: () =>
      Promise.all(
        names.map(async (name) => {
          const { pid, metricsUrl, startMs, memory } = await flux.start(name)
          return { name, pid, metricsUrl, startMs, memory }
        }),
      ),
    // Its kustomize-controller has no cache: every reconcile that builds downloads the artifact first, and builds once.
    builds: () => Promise.resolve(downloads()),
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}
