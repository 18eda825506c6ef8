import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { applyAs } from '../fleet.ts'
import { namespace, startFlow, type Flow, type FlowRepository } from '../flow.ts'
import type { ControllerName } from '../platform.ts'
import { appsNamespace, baseFiles, createApps, filesOf, kustomizationFor, repositoryNames, type App } from './apps.ts'
import { startFaultyPaths, type FaultyPaths } from './faults.ts'

export const controllers = ['source-controller', 'kustomize-controller'] as const

export interface RigOptions {
  readonly kustomizations: number
  readonly seed: number
  /** Folder for heap snapshots; SIGPROF makes one. */
  readonly heap: string | undefined
  readonly onProgress: (line: string) => void
}

/** The fleet, declared and pushed, with both controllers behind proxies that break nothing yet. */
export interface Rig extends AsyncDisposable {
  readonly flow: Flow
  readonly paths: FaultyPaths
  readonly apps: readonly App[]
  readonly repositories: ReadonlyMap<string, FlowRepository>
  /** What the probe of a controller writes. */
  probeFile(controller: ControllerName): string
}

export async function startRig({ kustomizations, seed, heap, onProgress }: RigOptions): Promise<Rig> {
  await using starting = new AsyncDisposableStack()
  if (heap !== undefined) await mkdir(heap, { recursive: true })
  const snapshots = heap === undefined ? [] : ['--heapsnapshot-signal=SIGPROF', `--diagnostic-dir=${heap}`]
  const nodeFlags = [...snapshots, '--import', pathToFileURL(path.join(import.meta.dirname, 'probe.ts')).href]
  const flow = starting.use(await startFlow({ fleet: 'full', nats: true, nodeFlags, onProgress }))
  const { platform } = flow
  const paths = starting.use(await startFaultyPaths(platform, { git: flow.git.url, seed }))
  const probeFile = (controller: ControllerName): string => path.join(platform.dir, `${controller}.probe.json`)

  const apps = createApps(kustomizations)
  const repositories = new Map<string, FlowRepository>()
  await applyAs(platform.kube, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: appsNamespace } })
  for (const name of repositoryNames) {
    const files = Object.assign(baseFiles(0), ...apps.filter(({ repository }) => repository === name).map(filesOf))
    repositories.set(name, await flow.repository(name, { files, spec: { url: `${paths.git.url}/${name}.git`, interval: '1m' } }))
  }
  for (const name of controllers) {
    const flags = [`--nats-url=${paths.nats.url.replace(/^tcp:/, 'nats:')}`, ...(name === 'source-controller' ? [`--storage-adv-addr=127.0.0.1:${paths.artifacts.port}`] : [])]
    await flow.start(name, { flags, kubeconfig: paths.api[name].kubeconfig, env: { WEIR_SOAK_PROBE: probeFile(name) } })
  }
  onProgress(`creating ${kustomizations} Kustomizations`)
  for (const app of apps) await applyAs(platform.kube, kustomizationFor(app, namespace))
  const started = starting.move()
  return { flow, paths, apps, repositories, probeFile, [Symbol.asyncDispose]: () => started.disposeAsync() }
}
