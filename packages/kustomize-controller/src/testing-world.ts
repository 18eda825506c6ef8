import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { annotations, gitRepositoryKind, kustomizationKind, type Artifact, type Condition, type Kustomization } from '@weir/shared/api'
import { createStore, serveStore } from '@weir/shared/artifact'
import type { AuditEntry, ControlPlane } from '@weir/shared/control-plane'
import { createInProcessBus, type Bus, type ReceivedEvent } from '@weir/shared/events'
import { createKube, loadConfig, type Kube, type KubeObject, type Target } from '@weir/shared/kube'
import { identify, type Fields } from '@weir/shared/manifest'
import { runProcess, systemClock, type Key, type Member, type OnStep } from '@weir/shared/runtime'
import { expectStatus } from '@weir/shared/testing'
import { createTelemetry, quietTelemetry } from '@weir/shared/telemetry'
import { start } from './main.ts'
import { parseOptions } from './options.ts'

/** For tests of this package: the controller as it runs, beside a real API server, fed with artifacts made by hand. */
export interface World {
  readonly cluster: ControlPlane
  /** As an administrator. */
  readonly kube: Kube
  /** The controller that runs; `restart` replaces it. */
  readonly controller: () => RunningController
  /** Ends the running controller, if any, and starts another one with an empty memory. */
  restart(options?: ControllerOptions): Promise<RunningController>
  /** A namespace of its own for one test. */
  namespace(): Promise<string>
  /** Stores files as an artifact of GitRepository `<namespace>/repo` and says so in its status; the revision. */
  publish(namespace: string, files: Files, options?: PublishOptions): Promise<string>
  /** An artifact that is stored and announced nowhere. */
  store(namespace: string, files: Files, options?: PublishOptions): Promise<Artifact>
  announce(namespace: string, artifact: Partial<Artifact> | null, name?: string): Promise<void>
  /** Creates or replaces, as somebody with kubectl; `spec` is completed with interval, prune and sourceRef. */
  kustomization(at: Key, spec?: Fields, metadata?: Fields): Promise<Kustomization>
  apply(object: KubeObject, manager?: string): Promise<KubeObject>
  read(object: KubeObject): Promise<KubeObject | undefined>
  edit(object: KubeObject, body: object, options?: { readonly manager?: string; readonly status?: boolean }): Promise<KubeObject>
  remove(object: KubeObject): Promise<void>
  stop(): Promise<void>
}

export type Files = Readonly<Record<string, string>>

export interface PublishOptions {
  readonly name?: string
  readonly revision?: string
  readonly metadata?: Readonly<Record<string, string>>
}

export interface ControllerOptions {
  readonly flags?: readonly string[]
  readonly onStep?: OnStep
  readonly election?: Member['election']
  /** What lies between the controller and the API server. */
  through?(kube: Kube): Kube
}

export interface RunningController {
  readonly logs: readonly string[]
  readonly bus: Bus
  /** Everything that went over the bus. */
  readonly told: readonly ReceivedEvent[]
  stop(): Promise<void>
}

/** Starts the controller on a cluster that holds the definitions and rights of the chart. */
export async function openWorld(cluster: ControlPlane, options: ControllerOptions = {}): Promise<World> {
  const dir = await mkdtemp(path.join(tmpdir(), 'weir-kustomize-test-'))
  const kube = await createKube({ config: await loadConfig({ kubeconfig: cluster.kubeconfig() }), userAgent: 'weir-test', telemetry: quietTelemetry() })
  const artifacts = await openArtifacts(dir, kube)
  const running = { controller: await startController(cluster, dir, options), namespaces: 0 }
  const target = (object: KubeObject): Promise<Target> => targetOf(kube, object)
  const apply: World['apply'] = async (object, manager = 'test') => kube.apply(await target(object), object, { manager, force: true })
  return {
    cluster,
    kube,
    controller: () => running.controller,
    async restart(again = options) {
      await running.controller.stop()
      running.controller = await startController(cluster, dir, again)
      return running.controller
    },
    async namespace() {
      const name = `t${running.namespaces++}-${Math.random().toString(36).slice(2, 7)}`
      await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
      return name
    },
    ...artifacts,
    apply,
    kustomization: async (at, spec, metadata) => (await apply(kustomizationOf(at, spec, metadata))) as unknown as Kustomization,
    read: async (object) => kube.get(await target(object)),
    edit: async (object, body, { manager = 'somebody', status = false } = {}) => kube.patch(await target(object), { type: 'merge', body, manager, ...(status && { subresource: 'status' }) }),
    remove: async (object) => void (await kube.delete(await target(object))),
    async stop() {
      await running.controller.stop()
      await artifacts.close()
      await kube.close()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

async function targetOf(kube: Kube, object: KubeObject): Promise<Target> {
  const { group, version, kind, namespace, name } = identify(object)
  const resource = await kube.discovery.resource({ group, version, kind })
  if (resource === undefined) throw new Error(`${kind} is not served`)
  return { resource, namespace, name }
}

async function openArtifacts(dir: string, kube: Kube): Promise<Pick<World, 'publish' | 'store' | 'announce'> & { close(): Promise<void> }> {
  const root = path.join(dir, 'store')
  const telemetry = quietTelemetry()
  await mkdir(root, { recursive: true })
  const server = await serveStore({ root, address: '127.0.0.1:0', telemetry })
  const store = createStore({ root, advertised: server.address, retention: { ttlMs: 3_600_000, records: 100 }, telemetry })
  const count = { trees: 0 }
  const put: World['store'] = async (namespace, files, { name = 'repo', revision, metadata } = {}) => {
    const number = String(++count.trees)
    const commit = number.padStart(40, '0')
    const tree = path.join(dir, `tree-${number}`)
    for (const [file, text] of Object.entries(files)) {
      await mkdir(path.dirname(path.join(tree, file)), { recursive: true })
      await writeFile(path.join(tree, file), text)
    }
    await mkdir(tree, { recursive: true })
    return store.put({ kind: 'GitRepository', namespace, name, file: `${commit}.tar.gz`, tree, revision: revision ?? `main@sha1:${commit}`, ...(metadata && { metadata }) })
  }
  const announce: World['announce'] = async (namespace, artifact, name = 'repo') => {
    const target = { resource: gitRepositoryKind, namespace, name }
    if ((await kube.get(target)) === undefined) {
      const repository = { apiVersion: 'source.toolkit.fluxcd.io/v1', kind: 'GitRepository', metadata: { name, namespace }, spec: { url: 'http://127.0.0.1/repo', interval: '1h' } }
      await kube.apply(target, repository, { manager: 'test', force: true })
    }
    await kube.patch(target, { type: 'merge', subresource: 'status', body: { status: { artifact: artifact && { metadata: null, ...artifact } } } })
  }
  return {
    store: put,
    announce,
    async publish(namespace, files, how = {}) {
      const artifact = await put(namespace, files, how)
      await announce(namespace, artifact, how.name)
      return artifact.revision
    },
    close: () => server.close(),
  }
}

async function startController(cluster: ControlPlane, dir: string, { flags = [], onStep, election, through = (direct) => direct }: ControllerOptions): Promise<RunningController> {
  const logs: string[] = []
  const told: ReceivedEvent[] = []
  const telemetry = createTelemetry({ controller: 'kustomize-controller', level: 'debug', write: (line) => void logs.push(line), processMetrics: false })
  const kube = await createKube({ config: await loadConfig({ kubeconfig: cluster.kubeconfig('kustomize-controller') }), userAgent: controllerAgent, telemetry })
  const parsed = parseOptions([`--cache-path=${await mkdtemp(path.join(dir, 'cache-'))}`, ...flags], {})
  if (!parsed.ok) throw new Error(parsed.message)
  const bus = createInProcessBus({ cluster: 'test', telemetry })
  bus.subscribe({}, (event) => void told.push(event))
  const stop = new AbortController()
  const ready = Promise.withResolvers<void>()
  const ended = runProcess({
    members: [{ controller: 'kustomize-controller', kube: through(kube), start: (host) => start(parsed.options, host), ...(election && { election }) }],
    bus,
    telemetry,
    clock: systemClock,
    healthAddress: '0',
    metricsAddress: '0',
    graceMs: 20_000,
    stop: stop.signal,
    onReady: ready.resolve,
    ...(onStep && { onStep }),
  })
  const early = await Promise.race([ready.promise, ended])
  if (early !== undefined) throw new Error(`the controller ended with ${early}:\n${logs.join('')}`)
  return {
    logs,
    bus,
    told,
    async stop() {
      stop.abort()
      await ended
      await kube.close()
    },
  }
}

export const controllerAgent = 'weir-kustomize-controller'

/** The calls of the controller, without watches and discovery. */
export const ofController = ({ userAgent, verb, resource }: AuditEntry): boolean => userAgent.startsWith(controllerAgent) && verb !== 'watch' && verb !== 'list' && resource !== ''

/** `patch kustomizations/status t0/app`, `patch? configmaps t0/a` for a dry run. */
export function showCall({ verb, resource, subresource, namespace, name, requestUri }: AuditEntry): string {
  const dry = requestUri.includes('dryRun=All') ? '?' : ''
  return `${verb}${dry} ${resource}${subresource === '' ? '' : `/${subresource}`} ${namespace}/${name}`
}

export function kustomizationOf({ namespace, name }: Key, spec: Fields = {}, metadata: Fields = {}): KubeObject {
  const complete = { interval: '1h', prune: true, sourceRef: { kind: 'GitRepository', name: 'repo' }, ...spec }
  return { apiVersion: 'kustomize.toolkit.fluxcd.io/v1', kind: 'Kustomization', metadata: { name, namespace, ...metadata }, spec: complete }
}

/** Asks until there is an answer that is not undefined; the error says what was last seen. */
export async function until<T>(what: string, look: () => Promise<T | undefined>, { timeoutMs = 20_000, seen }: { readonly timeoutMs?: number; readonly seen?: () => unknown } = {}): Promise<T> {
  const endMs = performance.now() + timeoutMs
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (performance.now() > endMs) throw new Error(`not within ${timeoutMs / 1000} s: ${what}${seen ? `; last seen: ${JSON.stringify(seen())}` : ''}`)
    await pause(20)
  }
}

/** Waits until the Kustomization is as asked. */
export function untilKustomization(world: World, { namespace, name }: Key, holds: (kustomization: Kustomization) => boolean, timeoutMs = 20_000): Promise<Kustomization> { // oxlint-disable-line eslint/max-params
  let last: Kustomization | undefined
  return until(
    `${namespace}/${name}: ${holds.toString()}`,
    async () => {
      last = (await world.kube.get({ resource: kustomizationKind, namespace, name })) as Kustomization | undefined
      return last && holds(last) ? last : undefined
    },
    { timeoutMs, seen: () => last?.status },
  )
}

/** Ready=True at this revision, at the stored generation and token. */
export async function untilApplied(world: World, at: Key, revision: string): Promise<Kustomization> {
  return judged(await untilKustomization(world, at, (found) => isAppliedAt(found, revision)))
}

function judged(kustomization: Kustomization): Kustomization {
  expectStatus(kustomization)
  return kustomization
}

export function isAppliedAt({ metadata, status }: Kustomization, revision: string): boolean {
  const token = metadata.annotations?.[annotations.requestedAt]
  const isCurrent = status?.lastAppliedRevision === revision && status.observedGeneration === metadata.generation && status.lastHandledReconcileAt === token
  return isCurrent && conditionIn({ status }, 'Ready')?.status === 'True' && conditionIn({ status }, 'Reconciling') === undefined
}

/** Ready=False for this reason, and not in the middle of a run. */
export async function untilFailed(world: World, at: Key, reason: string): Promise<Kustomization> {
  return judged(await untilKustomization(world, at, (found) => conditionIn(found, 'Ready')?.status === 'False' && conditionIn(found, 'Ready')?.reason === reason))
}

export function conditionIn({ status }: Pick<Kustomization, 'status'> | { status?: Kustomization['status'] | undefined }, type: string): Condition | undefined {
  return status?.conditions?.find((condition) => condition.type === type)
}

export function messageOf(kustomization: Kustomization): string {
  return conditionIn(kustomization, 'Ready')?.message ?? ''
}

export function inventoryIn({ status }: Kustomization): readonly string[] {
  return (status?.inventory?.entries ?? []).map(({ id }) => id).toSorted()
}

export function configMap({ namespace, name }: Key, data: Files = { key: 'value' }, metadata: Fields = {}): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace, ...metadata }, data }
}

/** JSON is YAML. */
export const yaml = (...objects: readonly object[]): string => objects.map((object) => JSON.stringify(object)).join('\n---\n')

/** A decoded Kustomization that nobody stored. */
export function toKustomization(spec: Fields = {}, { status, ...metadata }: Fields = {}): Kustomization {
  const object = kustomizationOf({ namespace: 'apps', name: 'app' }, spec, { generation: 1, ...metadata })
  return { ...object, ...(status === undefined ? {} : { status }) } as unknown as Kustomization
}
