import { mkdir } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { annotations, gitRepositoryKind, kustomizationKind, type Kind } from '@weir/shared/api'
import { findFreePort, installObjects, type AuditEntry, type AuditTail, type ControlPlane } from '@weir/shared/control-plane'
import type { KubeObject } from '@weir/shared/manifest'
import { startGitServer, type TestFile, type TestRepository } from '@weir/shared/testing'
import { countWork } from './audit.ts'
import { createBareClient, type BareClient } from './bare-client.ts'
import { appsNamespace, ownNamespace, sourceName, sourceOf } from './fleet.ts'
import { isReadyAt, storedRevision } from './judge.ts'
import { connections, namespaceOf, phaseTimeoutMs } from './limit.ts'
import { observe, type Observed } from './observe.ts'
import type { Pace } from './pace.ts'
import { forEach } from './pool.ts'
import { cpuSecondsOfTree } from './processes.ts'
import { startSystem, type Measured, type System, type SystemName } from './system.ts'
import { isDownload, isGitFetch, startTraffic } from './traffic.ts'

export interface TestbedOptions {
  readonly system: SystemName
  /** Of the first commit. */
  readonly files: Readonly<Record<string, TestFile>>
  /** Of the source; default `1h`. */
  readonly interval?: string
  /** Both controllers in one process. */
  readonly together?: boolean
  readonly pace: Pick<Pace, 'settleMs'>
  /** Folder that takes CPU profiles of the controllers. */
  readonly profile?: string | undefined
  readonly onProgress: (line: string) => void
  readonly signal: AbortSignal
}

/** Both controllers on a freshly booted control plane of their own, and a repository whose first commit is stored. */
export interface Testbed extends AsyncDisposable {
  readonly system: System
  /** As an administrator. */
  readonly writer: BareClient
  readonly repository: TestRepository
  readonly kustomizations: Observed
  /** What the first commit became. */
  readonly firstRevision: string
  /** source-controller, then kustomize-controller; or one for both. */
  readonly controllers: readonly Measured[]
  /** POSTs the Kustomizations, 16 at once; resolves at once to the time of the first. */
  create(objects: readonly KubeObject[]): { readonly startedMs: number; readonly created: Promise<void> }
  /** A commit, told to the source as a post-receive hook would; resolves when its artifact is in the source's status. */
  push(files: Readonly<Record<string, TestFile>>): Promise<Pushed>
  /** To the time of the last one. */
  untilReady(what: string, names: readonly string[], revision: string, onDone?: (name: string, atMs: number) => void): Promise<number>
  /** A watch of one kind of applied objects. */
  watchObjects(kind: Kind): Promise<Observed>
  /** Downloads of artifacts and fetches from Git, so far. */
  downloads(): number
  /** So far: requests that engine processes began with, or what Flux does instead. */
  builds(): Promise<number>
  cpuSeconds(): Promise<number>
  /** Resolves when the kustomize-controller has asked nothing (watches and its lease apart) for so long; one that never rests is measured as it is. */
  untilQuiet(quietMs: number): Promise<void>
  /** What the API server was asked while this ran, and a moment after. Throws where the log is empty: Kubernetes' own controllers are never silent. */
  audited<T>(run: () => Promise<T>): Promise<{ readonly value: T; readonly entries: readonly AuditEntry[] }>
}

export interface Pushed {
  readonly commit: string
  readonly revision: string
  /** `performance.now()` when the artifact was seen in the status of the source. */
  readonly storedAtMs: number
}

export const kustomizeClient = { userAgent: 'kustomize-controller' }
export const sourceClient = { userAgent: 'source-controller' }

const storedTimeoutMs = 120_000
/** After the last Ready: events are still on their way, and so is the audit log. */
const afterMs = 2_000

export async function startTestbed(options: TestbedOptions): Promise<Testbed> {
  const { onProgress, signal, files, interval, pace } = options
  const ending = new AsyncDisposableStack()
  try {
    const state: { hook: () => Promise<void> } = { hook: () => Promise.resolve() }
    const server = ending.adopt(await startGitServer({ onPush: () => state.hook() }), (each) => each.close())
    const gitTraffic = ending.use(await startTraffic(() => new URL(server.url).host))
    const storageAddress = `127.0.0.1:${await findFreePort()}`
    const artifactTraffic = ending.use(await startTraffic(() => storageAddress))
    const repository = await server.createRepository('fleet', files)

    const downloads = (): number => artifactTraffic.passed().filter(isDownload).length

    onProgress(`${options.system}: starting a control plane`)
    if (options.profile !== undefined) await mkdir(options.profile, { recursive: true })
    const { system: name, together = false, profile } = options
    const system = ending.use(await startSystem({ system: name, together, profile, storageAddress, advertised: artifactTraffic.address, downloads, onProgress, signal }))
    const kubeconfig = system.cluster.kubeconfig()
    await installObjects([namespaceOf(appsNamespace)], { kubeconfig })
    const connect = async (width: number): Promise<BareClient> =>
      ending.adopt(await createBareClient({ kubeconfig, userAgent: 'weir-bench', connections: width }), (each) => each.close())
    const writer = await connect(connections)
    const watchObjects = async (kind: Kind, namespace = appsNamespace): Promise<Observed> =>
      ending.adopt(observe(await connect(1), { kind, namespace, signal }), (each) => each.close())
    const kustomizations = await watchObjects(kustomizationKind, ownNamespace)
    const beginning = await system.cluster.tailAudit()
    const controllers = await system.start()
    await pause(pace.settleMs, undefined, { signal })

    const source = ending.adopt(followSource(await connect(1), signal), (each) => each.close())
    await writer.create(gitRepositoryKind, sourceOf(`http://${gitTraffic.address}/fleet.git`, interval))
    const { revision: firstRevision } = await source.stored(await repository.resolve('main'))
    state.hook = () => requestReconcile(writer)
    // Both are in the log under the names that calls are counted by; from here on, no call means that there was none.
    const began = await beginning.take()
    for (const client of [kustomizeClient, sourceClient]) countWork(began, client)

    return {
      system,
      writer,
      repository,
      kustomizations,
      firstRevision,
      controllers,
      watchObjects,
      create: (objects) => ({ startedMs: performance.now(), created: forEach(objects, connections, async (object) => void (await writer.create(kustomizationKind, object))) }),
      async push(changed) {
        const commit = await repository.commit(changed)
        return { commit, ...(await source.stored(commit)) }
      },
      untilReady: (what, names, revision, onDone) =>
        kustomizations.until(what, names, { isDone: (object) => isReadyAt(object, revision), timeoutMs: phaseTimeoutMs, onProgress, ...(onDone && { onDone }) }),
      downloads: () => downloads() + gitTraffic.passed().filter(isGitFetch).length,
      builds: () => system.builds(),
      cpuSeconds: async () => (await Promise.all(controllers.map(({ pid }) => cpuSecondsOfTree(pid)))).reduce((sum, each) => sum + each, 0),
      untilQuiet: async (quietMs) => onProgress((await restsAfter(await system.cluster.tailAudit(), { quietMs, signal })) ? 'the controllers rest' : 'still busy, but measured now'),
      audited: (run) => audit(system.cluster, run),
      [Symbol.asyncDispose]: () => ending.disposeAsync(),
    }
  } catch (error) {
    await ending.disposeAsync()
    throw error
  }
}

async function audit<T>(cluster: ControlPlane, run: () => Promise<T>): Promise<{ readonly value: T; readonly entries: readonly AuditEntry[] }> {
  const tail = await cluster.tailAudit()
  const value = await run()
  await pause(afterMs)
  const entries = await tail.take()
  if (entries.length === 0) throw new Error('the audit log is empty: no calls can be counted')
  return { value, entries }
}

interface FollowedSource {
  /** Resolves when the artifact of this commit was seen, however long ago. */
  stored(commit: string): Promise<Pick<Pushed, 'revision' | 'storedAtMs'>>
  close(): void
}

function followSource(client: BareClient, signal: AbortSignal): FollowedSource {
  const seenAtMs = new Map<string, number>()
  const sources = observe(client, {
    kind: gitRepositoryKind,
    namespace: ownNamespace,
    signal,
    onObject(object) {
      const revision = storedRevision(object)
      if (revision !== undefined && !seenAtMs.has(revision)) seenAtMs.set(revision, performance.now())
    },
  })
  return {
    async stored(commit) {
      await sources.until(`artifact of ${commit}`, [sourceName], { isDone: (object) => storedRevision(object, commit) !== undefined, timeoutMs: storedTimeoutMs })
      const [revision = '', storedAtMs = 0] = [...seenAtMs].find(([each]) => each.endsWith(`:${commit}`)) ?? []
      return { revision, storedAtMs }
    },
    close: () => sources.close(),
  }
}

const patienceMs = 180_000

async function restsAfter(tail: AuditTail, { quietMs, signal }: { readonly quietMs: number; readonly signal: AbortSignal }): Promise<boolean> {
  for (const endMs = performance.now() + patienceMs; performance.now() < endMs; ) {
    await pause(quietMs, undefined, { signal })
    const calls = (await tail.take()).filter(({ verb, resource, userAgent }) => verb !== 'watch' && resource !== 'leases' && userAgent.includes(kustomizeClient.userAgent))
    if (calls.length === 0) return true
  }
  return false
}

async function requestReconcile(writer: BareClient): Promise<void> {
  const body = { metadata: { annotations: { [annotations.requestedAt]: new Date().toISOString() } } }
  await writer.mergePatch(gitRepositoryKind, { namespace: ownNamespace, name: sourceName }, { body, manager: 'receiver' })
}
