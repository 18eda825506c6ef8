import { copyFile } from 'node:fs/promises'
import path from 'node:path'
import { apiVersionOf, gitRepositoryKind, kustomizationKind, type Artifact } from '@weir/shared/api'
import { kustomizeEngineBinary } from '@weir/shared/engine'
import type { KubeObject } from '@weir/shared/kube'
import { startGitServer, type CommitOptions, type GitServer, type GitServerOptions, type TestFile, type TestRepository } from '@weir/shared/testing'
import { applyAs, readRepository, requestReconcile, until, type Named } from './fleet.ts'
import { startPlatform, type ControllerName, type Platform, type PlatformOptions, type StartOptions } from './platform.ts'

/** Objects of all tests live here unless they say otherwise. */
export const namespace = 'flows'

export interface FlowOptions extends PlatformOptions {
  readonly git?: GitServerOptions
}

/** A platform and a Git server whose pushes wake the source, as a Receiver would. */
export interface Flow extends AsyncDisposable {
  readonly platform: Platform
  readonly git: GitServer
  /** A repository, and a GitRepository of its name that follows it. */
  repository(name: string, options?: RepositoryOptions): Promise<FlowRepository>
  /** Starts a controller whose engine processes can be told from others on this machine. */
  start(controller: ControllerName, options?: StartOptions): Promise<void>
  startDoomed(controller: ControllerName, killAt: string, options?: StartOptions): Promise<void>
  stop(): Promise<void>
}

export interface RepositoryOptions {
  readonly files?: Readonly<Record<string, TestFile>>
  readonly spec?: Readonly<Record<string, unknown>>
}

export interface FlowRepository {
  readonly named: Named
  readonly remote: TestRepository
  commit(files: Readonly<Record<string, TestFile>>, options?: CommitOptions): Promise<string>
  /** The artifact of a commit, once it is in the status. */
  stored(commit: string, timeoutMs?: number): Promise<Artifact>
}

export async function startFlow(options: FlowOptions = {}): Promise<Flow> {
  await using starting = new AsyncDisposableStack() // a start that fails leaves nothing
  const platform = starting.use(await startPlatform(options))
  const repositories = new Map<string, Named>()
  const onPush = async (name: string): Promise<void> => {
    const named = repositories.get(name)
    if (named) await requestReconcile(platform.kube, gitRepositoryKind, named).catch(() => undefined) // a Git server does not wait for a cluster
  }
  const git = await startGitServer({ ...options.git, onPush })
  starting.defer(() => git.close())
  await applyAs(platform.kube, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
  const engine = path.join(platform.dir, 'kustomize-engine')
  await copyFile(await kustomizeEngineBinary(), engine)
  const withEngine = (controller: ControllerName, start: StartOptions = {}): StartOptions =>
    controller === 'kustomize-controller' || options.together ? { ...start, flags: [`--kustomize-engine=${engine}`, ...(start.flags ?? [])] } : start
  const started = starting.move()
  const stop = (): Promise<void> => started.disposeAsync()
  return {
    platform,
    git,
    async repository(name, { files, spec = {} } = {}) {
      const remote = await git.createRepository(name, files)
      const named = { namespace, name }
      await applyAs(platform.kube, { apiVersion: apiVersionOf(gitRepositoryKind), kind: 'GitRepository', metadata: named, spec: { url: remote.url, interval: '1h', ref: { branch: 'main' }, ...spec } })
      repositories.set(name, named)
      return { named, remote, commit: (changed, how) => remote.commit(changed, how), stored: (commit, timeoutMs) => untilStored(platform, named, { commit, timeoutMs }) }
    },
    start: async (controller, start) => void (await platform.start(controller, withEngine(controller, start))),
    startDoomed: (controller, killAt, start) => platform.startDoomed(controller, killAt, withEngine(controller, start)),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

async function untilStored({ kube }: Platform, named: Named, { commit, timeoutMs = 30_000 }: { readonly commit: string; readonly timeoutMs?: number | undefined }): Promise<Artifact> {
  const last: { seen?: unknown } = {}
  const look = async (): Promise<Artifact | undefined> => {
    const status = (await readRepository(kube, named))?.status
    last.seen = status
    return status?.artifact?.revision.endsWith(commit) ? status.artifact : undefined
  }
  return until(`${named.name} stored at ${commit}`, look, { timeoutMs, seen: () => last.seen })
}

/** A Kustomization of a repository with what most tests want; `spec` goes over it. */
export function kustomizationOf(name: string, repository: Named, spec: Readonly<Record<string, unknown>> = {}): KubeObject {
  const sourceRef = { kind: 'GitRepository', name: repository.name }
  return {
    apiVersion: apiVersionOf(kustomizationKind),
    kind: 'Kustomization',
    metadata: { name, namespace: repository.namespace },
    spec: { interval: '1h', retryInterval: '2s', timeout: '30s', path: './', prune: true, sourceRef, ...spec },
  }
}

/** YAML of a ConfigMap; JSON is YAML. */
export function configMap(name: string, data: Readonly<Record<string, string>>, in_ = namespace): string {
  return `${JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: in_ }, data })}\n`
}
