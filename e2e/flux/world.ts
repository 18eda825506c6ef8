import { readdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { apiVersionOf, gitRepositoryKind, kustomizationKind, type Kind } from '@weir/shared/api'
import type { Kube, KubeObject } from '@weir/shared/kube'
import { startGitServer, type GitServer, type TestFile, type TestRepository } from '@weir/shared/testing'
import { applyAs, readFolder, readKustomization, readRepository, readyOf, requestReconcile, until, type Named } from '../fleet.ts'
import { startPlatform, type ControllerName, type Platform } from '../platform.ts'
import { startFluxControllers, type FluxControllers } from './flux.ts'

export const namespace = 'flux-system'
/** Of the GitRepository, and of the Kustomization that holds all others. */
export const root: Named = { namespace, name: 'flux-system' }

export type Side = 'flux' | 'weir'

/** Fleets meet real intervals and real patience here; only what Flux polls for is asked for more often. */
const flags: Readonly<Record<ControllerName, readonly string[]>> = {
  'source-controller': [],
  'kustomize-controller': ['--requeue-dependency=2s', '--concurrent=20'],
}

/** One API server, one Git server, and both systems beside each other: at any time one side runs each controller. */
export interface World extends AsyncDisposable {
  readonly platform: Platform
  readonly kube: Kube
  readonly flux: FluxControllers
  readonly git: GitServer
  /** Followed by the GitRepository `flux-system`. */
  readonly remote: TestRepository
  /** Hands a controller to a side: the other side's is stopped first, as one Deployment is scaled down and another up. */
  hand(controller: ControllerName, side: Side): Promise<void>
  /** Nobody runs it. */
  rest(controller: ControllerName): Promise<void>
  /** Artifacts of both sides are gone from their disks, as with a pod whose volume is empty. */
  emptyStores(): Promise<void>
  /** Declares the source and the root Kustomization. */
  declare(): Promise<void>
  commit(files: Readonly<Record<string, TestFile>>): Promise<string>
}

export interface WorldOptions {
  /** Default: what is in the folder `fleet`. */
  readonly files?: Readonly<Record<string, TestFile>>
  /** Whose definitions of GitRepository and Kustomization are installed. Helm leaves those that are there: after a take-over they are Flux's. */
  readonly definitions?: Side
}

export async function startWorld({ files, definitions = 'weir' }: WorldOptions = {}): Promise<World> {
  await using starting = new AsyncDisposableStack() // a start that fails leaves nothing
  const platform = starting.use(await startPlatform({ flags }))
  const { kube, cluster, storageAddress } = platform
  if (definitions === 'flux') await removeDefinitions(kube)
  const flux = starting.use(await startFluxControllers({ cluster, which: [], flags, storageAddress, storagePath: path.join(platform.dir, 'flux-store') }))
  const git = await startGitServer({ onPush: () => requestReconcile(kube, gitRepositoryKind, root).catch(() => undefined) })
  starting.defer(() => git.close())
  const remote = await git.createRepository('fleet', files ?? (await readFolder(path.join(import.meta.dirname, 'fleet'))))
  const started = starting.move()
  const rest = async (controller: ControllerName): Promise<void> => {
    await stopWeir(platform, controller)
    await stopFlux(flux, controller)
  }
  return {
    platform,
    kube,
    flux,
    git,
    remote,
    rest,
    async hand(controller, side) {
      await rest(controller)
      await (side === 'flux' ? flux.start(controller) : platform.start(controller))
    },
    async emptyStores() {
      for (const store of [platform.storagePath, flux.storagePath]) for (const name of await readdir(store).catch(() => [])) await rm(path.join(store, name), { recursive: true, force: true })
    },
    declare: () => declare(kube, remote.url),
    commit: (changed) => remote.commit(changed),
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}

async function stopWeir(platform: Platform, controller: ControllerName): Promise<void> {
  const running = started(() => platform.controller(controller))
  await running?.kill('SIGTERM')
}

async function stopFlux(flux: FluxControllers, controller: ControllerName): Promise<void> {
  const running = started(() => flux.controller(controller))
  await running?.stop()
}

/** Undefined where nothing of the name was ever started. */
function started<T>(find: () => T): T | undefined {
  try {
    return find()
  } catch {
    return undefined
  }
}

async function declare(kube: Kube, url: string): Promise<void> {
  const source: KubeObject = { apiVersion: apiVersionOf(gitRepositoryKind), kind: 'GitRepository', metadata: root, spec: { url, interval: '1h', ref: { branch: 'main' } } }
  const spec = { interval: '1h', retryInterval: '5s', path: './clusters/test', prune: true, sourceRef: { kind: 'GitRepository', name: root.name } }
  await applyAs(kube, source, 'flux')
  await applyAs(kube, { apiVersion: apiVersionOf(kustomizationKind), kind: 'Kustomization', metadata: root, spec }, 'flux')
}

const definitionKind: Kind = { group: 'apiextensions.k8s.io', version: 'v1', kind: 'CustomResourceDefinition', plural: 'customresourcedefinitions', namespaced: false }

async function removeDefinitions(kube: Kube): Promise<void> {
  for (const { plural, group } of [gitRepositoryKind, kustomizationKind]) {
    const target = { resource: definitionKind, namespace: '', name: `${plural}.${group}` }
    await kube.delete(target)
    await until(`no definition ${target.name}`, async () => ((await kube.get(target)) === undefined ? true : undefined))
  }
}

/** Every Kustomization of the fleet is Ready at this commit, and there are as many as expected. */
export async function untilFleetReady(kube: Kube, { commit, count }: { readonly commit: string; readonly count: number }): Promise<void> {
  const late: { names: readonly string[] } = { names: [] }
  await until(
    `${count} Kustomizations ready at ${commit}`,
    async () => {
      const { items } = await kube.list(kustomizationKind, { namespace })
      const all = await Promise.all(items.map(({ metadata }) => readKustomization(kube, { namespace, name: metadata.name })))
      late.names = all.flatMap((each) => {
        const isReady = readyOf(each)?.status === 'True' && each?.status?.lastAppliedRevision?.endsWith(commit) === true && each.status.observedGeneration === each.metadata.generation
        return isReady ? [] : [`${each?.metadata.name}: ${readyOf(each)?.message ?? 'no status'}`]
      })
      return late.names.length === 0 && all.length === count ? true : undefined
    },
    { timeoutMs: 180_000, everyMs: 250, seen: () => late.names },
  )
}

/** The source holds an artifact of this commit and is Ready. */
export async function untilStored(kube: Kube, commit: string): Promise<void> {
  const last: { seen?: unknown } = {}
  await until(
    `source at ${commit}`,
    async () => {
      const source = await readRepository(kube, root)
      last.seen = source?.status
      return source?.status?.artifact?.revision.endsWith(commit) === true && readyOf(source)?.status === 'True' ? true : undefined
    },
    { seen: () => last.seen },
  )
}
