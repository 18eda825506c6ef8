import type { Cluster } from '@weir/shared/control-plane'

/**
 * Flux's own programs as pinned equipment: source-controller and kustomize-controller 1.9.6 and the `flux` command 2.9.5, built with
 * Go from the modules in this folder into the same cache as the control plane's parts. Each is built once a machine: one to three minutes.
 */
export type FluxController = 'source-controller' | 'kustomize-controller'

/** Paths of the programs. */
export interface FluxPrograms {
  readonly sourceController: string
  readonly kustomizeController: string
  readonly cli: string
}

export interface FluxProgramsOptions {
  readonly onProgress?: ((line: string) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/** Builds what is missing. ControlPlaneError `no-go`, `no-modules`, `build`, `aborted`. */
export function fluxPrograms(_options: FluxProgramsOptions = {}): Promise<FluxPrograms> {
  return Promise.reject(new Error('not built yet'))
}

export interface FluxOptions extends FluxProgramsOptions {
  /** Namespace `flux-system` is there; the definitions that are not are installed as Flux has them, those that are stay as they are. */
  readonly cluster: Cluster
  /** Started at once; default both. */
  readonly which?: readonly FluxController[]
  /** Added after our own: the last one of a name counts. */
  readonly flags?: Partial<Readonly<Record<FluxController, readonly string[]>>>
  /** Folder of the artifacts, kept at the end. Default: a temporary one. */
  readonly storagePath?: string
  /** `host:port` that artifacts are served on; default: a free port of 127.0.0.1. */
  readonly storageAddress?: string
  /** `host:port` in the URLs of artifacts; default: `storageAddress`. */
  readonly advertised?: string
}

/** Flux on a cluster. Ends with `stop`, and when this process ends, in whatever way: no process outlives it. */
export interface FluxControllers extends AsyncDisposable {
  readonly storagePath: string
  readonly storageAddress: string
  /** Starts one, or starts it again after it ended: same storage, same address. Resolves when it is ready and holds its lease. */
  start(controller: FluxController): Promise<FluxProcess>
  /** The process started last; throws when there is none. */
  controller(controller: FluxController): FluxProcess
  stop(): Promise<void>
}

export interface FluxProcess {
  readonly pid: number
  /** File with all lines it printed, of earlier processes too. */
  readonly log: string
  /** `http://127.0.0.1:port/metrics` */
  readonly metricsUrl: string
  /** Resolves to how it ended: `exit 0`, `SIGKILL`. */
  readonly exited: Promise<string>
  /** As Kubernetes does: SIGTERM, and the lease is given back; SIGKILL after 30 s. Resolves when it is gone. */
  stop(): Promise<void>
  /** At once; resolves when it is gone. */
  kill(): Promise<void>
  /** VmRSS and VmHWM in MiB. */
  memory(): Promise<{ readonly rssMiB: number; readonly peakMiB: number }>
}

/** As Flux's own installation gives them: users `system:serviceaccount:flux-system:<controller>`, user agent `<controller>/v0.0.0 …`. */
export function startFluxControllers(_options: FluxOptions): Promise<FluxControllers> {
  return Promise.reject(new Error('not built yet'))
}

export interface FluxCommand {
  /** Default: the administrator's. */
  readonly kubeconfig: string
  readonly cwd?: string
  readonly signal?: AbortSignal
}

export interface FluxAnswer {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs `flux ARGS…` to its end; a code other than 0 is an answer, not an error. No version check over the network, no colours. */
export function runFlux(_args: readonly string[], _command: FluxCommand): Promise<FluxAnswer> {
  return Promise.reject(new Error('not built yet'))
}
