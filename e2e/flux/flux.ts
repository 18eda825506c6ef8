import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { installObjects, openRunFolder, findFreePort, type Cluster } from '@weir/shared/control-plane'
import { createKube, loadConfig } from '@weir/shared/kube'
import { quietTelemetry } from '@weir/shared/telemetry'
import { launchFlux, type FluxController, type FluxProcess } from './controller.ts'
import { fluxDefinitions, fluxPrograms, type FluxProgramsOptions } from './programs.ts'
import { fluxNamespace, fluxRights } from './rights.ts'

export { runFlux, type FluxAnswer, type FluxCommand } from './command.ts'
export type { FluxController, FluxProcess } from './controller.ts'
export { fluxPrograms, type FluxPrograms, type FluxProgramsOptions } from './programs.ts'

export interface FluxOptions extends FluxProgramsOptions {
  readonly cluster: Cluster
  /** Started at once; default both. `[]`: none yet. */
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
  /** Starts one, or starts it again after it ended: same storage, same address. Resolves when it works: caches filled, artifacts served. */
  start(controller: FluxController): Promise<FluxProcess>
  /** The process started last, ended or not; throws when there is none. */
  controller(controller: FluxController): FluxProcess
  stop(): Promise<void>
}

/**
 * Flux's own controllers, 1.9.6, as Flux's installation starts them but for what the machine asks for: addresses are free ports of
 * loopback, `--events-addr=` is empty, there are no limits of memory and CPU, and no
 * leader is elected (outside of a cluster they cannot be told the namespace of the lease): never run two of one name. They are the users
 * `system:serviceaccount:flux-system:<controller>` with the roles of that installation, and their user agent is their default,
 * `<controller>/v0.0.0 (…) kubernetes/$Format`: either tells them from ours (`weir-<controller>/…`) in the audit log.
 *
 * Definitions that the cluster lacks are installed as Flux's modules have them, for all kinds that these controllers watch. Those that are
 * there stay: ours describe the same objects, and a later Flux's too. So a cluster without any gets Flux's own.
 *
 * Namespace `flux-system` is there in every control plane of ours. What is missing of the programs is built first. A start that fails
 * leaves nothing. ControlPlaneError as of building and installing; Error with the end of the log for a controller that does not come up.
 */
export async function startFluxControllers(options: FluxOptions): Promise<FluxControllers> {
  const { cluster, which = ['source-controller', 'kustomize-controller'], flags = {}, signal } = options
  await using starting = new AsyncDisposableStack()
  const programs = await fluxPrograms(options)
  await installFlux(cluster, signal)
  const folder = await openRunFolder()
  starting.defer(() => folder.close())
  const storagePath = options.storagePath ?? path.join(folder.dir, 'store')
  const storageAddress = options.storageAddress ?? `127.0.0.1:${await findFreePort()}`
  await mkdir(storagePath, { recursive: true })
  const latest = new Map<FluxController, FluxProcess>()
  const all = new Set<FluxProcess>()
  starting.defer(async () => void (await Promise.all([...all].map((each) => each.stop()))))

  const storageFlags = [`--storage-path=${storagePath}`, `--storage-addr=${storageAddress}`, `--storage-adv-addr=${options.advertised ?? storageAddress}`]
  const own = { 'source-controller': storageFlags, 'kustomize-controller': [] }
  const binaries = { 'source-controller': programs.sourceController, 'kustomize-controller': programs.kustomizeController }
  const start = async (name: FluxController): Promise<FluxProcess> => {
    const started = await launchFlux({
      name,
      binary: binaries[name],
      folder,
      kubeconfig: cluster.kubeconfig(`${fluxNamespace}:${name}`),
      flags: [...own[name], ...(flags[name] ?? [])],
      storageAddress: name === 'source-controller' ? storageAddress : undefined,
      signal,
    })
    latest.set(name, started)
    all.add(started)
    void started.exited.then(() => all.delete(started))
    return started
  }
  // One that is late must not come up after the others were stopped.
  const started = await Promise.allSettled(which.map(start))
  for (const each of started) if (each.status === 'rejected') throw each.reason
  const running = starting.move()
  const stop = (): Promise<void> => running.disposeAsync()
  return {
    storagePath,
    storageAddress,
    start,
    controller(name) {
      const found = latest.get(name)
      if (found === undefined) throw new Error(`Flux's ${name} was not started`)
      return found
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

const definitionKind = { group: 'apiextensions.k8s.io', version: 'v1', kind: 'CustomResourceDefinition', plural: 'customresourcedefinitions', namespaced: false }

async function installFlux(cluster: Cluster, signal: AbortSignal | undefined): Promise<void> {
  const kubeconfig = cluster.kubeconfig()
  const kube = await createKube({ config: await loadConfig({ kubeconfig }), userAgent: 'weir-install', telemetry: quietTelemetry() })
  const names = new Set<string>()
  try {
    for (const { metadata } of (await kube.list(definitionKind, { metadataOnly: true })).items) names.add(metadata.name)
  } finally {
    await kube.close()
  }
  const missing = (await fluxDefinitions(signal)).filter(({ metadata }) => !names.has(metadata.name))
  await installObjects([...missing, ...fluxRights], { kubeconfig, signal })
}
