import { apiVersionOf, kustomizationKind, type Kustomization } from '@weir/shared/api'
import { decodeKustomization } from '@weir/shared/api/schemas'
import { createFights, createLiveSet, holdsAll, type LiveSet } from '@weir/shared/apply'
import type { Fetcher } from '@weir/shared/artifact'
import type { ReceivedEvent, Recorder } from '@weir/shared/events'
import { createCache, type Cache } from '@weir/shared/kube'
import type { Builder } from '@weir/shared/kustomize'
import {
  createController,
  createDependencies,
  createLimit,
  decodeStored,
  isReady,
  keyOf,
  textOf,
  type Controller,
  type Host,
  type Key,
  type OnStep,
  type RunEnd,
  type Stored,
} from '@weir/shared/runtime'
import { holdingOf, inventoryOf } from './cluster/apply.ts'
import { checkDependencies, dependenciesOf } from './inputs/dependencies.ts'
import { findSource } from './inputs/find-source.ts'
import { finalizeKustomization, readInventory } from './finalize.ts'
import { createMemory, type Memory } from './memory.ts'
import type { Deps, Rules } from './ports.ts'
import { reconcileKustomization } from './reconcile.ts'
import { referencesOf, watchReferences, type References } from './inputs/references.ts'
import { nameOfSource, showSource, watchSources, type Sources } from './inputs/sources.ts'
import { createSourceUsers, type SourceUsers } from './inputs/source-users.ts'
import { kustomizationTable } from './table.ts'
import { createVerificationPace, type VerificationPace } from './verification.ts'

export interface KustomizationParts {
  readonly host: Host
  readonly rules: Rules
  readonly recorder: Recorder
  readonly fetcher: Fetcher
  readonly builder: Builder
  readonly overrideManagers: readonly string[]
  /** Gate ExternalArtifact. */
  readonly allowsExternalArtifact: boolean
  /** undefined: all namespaces. */
  readonly namespace: string | undefined
  readonly labelSelector: string
  readonly concurrent: number | undefined
  readonly retry: { readonly minMs: number; readonly maxMs: number }
  readonly jitterPercent: number
  readonly onStep?: OnStep
}

export interface KustomizationController {
  /** The own kind's cache is synced: a follower is ready then. */
  readonly synced: Promise<unknown>
  /** Opens the watches of everything else and starts to work; once leading. */
  start(): Promise<void>
  readonly controller: Controller
  close(): void
}

/** Everything that wakes a Kustomization, and where its runs get what they need. */
interface Wiring {
  readonly parts: KustomizationParts
  readonly cache: Cache<Stored<Kustomization>>
  readonly sources: () => Sources
  readonly references: References
  readonly live: LiveSet
  readonly memory: Memory
  readonly pace: VerificationPace
  readonly dependencies: ReturnType<typeof createDependencies>
  readonly users: SourceUsers
}

/** What wakes Kustomizations: themselves, their sources, dependencies, references, drift, and the bus. */
export function createKustomizationController(parts: KustomizationParts): KustomizationController {
  const { host, namespace, labelSelector } = parts
  const { kube, signal, telemetry } = host
  const cache = createCache({
    kube,
    kind: kustomizationKind,
    decode: decodeStored(decodeKustomization),
    signal,
    ...(namespace === undefined ? {} : { namespace }),
    ...(labelSelector === '' ? {} : { labelSelector }),
  })
  cache.synced.catch(() => undefined) // told by `synced`
  const opened: { sources?: Sources } = {}
  const memory = createMemory()
  const live = createLiveSet({
    kube,
    telemetry,
    overrideManagers: parts.overrideManagers,
    onDrift(owner) {
      memory.of(owner).interrupt?.()
      controller.wake(owner, 'drift')
    },
    onCurrent: (owner) => (memory.of(owner).unhealthy ? controller.wake(owner, 'dependency') : undefined),
    onUnwatched: (kind, error) => telemetry.log.error('kind cannot be watched: its objects are asked for one by one', { kind, error }),
    now: () => host.clock.now().getTime(),
  })
  const references = watchReferences({
    kube,
    signal,
    onChange: (key) => controller.wake(key, 'dependency'),
    onTrouble: (what, error) => telemetry.log.error('references cannot be watched: they are read at each run', { what, error }),
  })
  const wiring: Wiring = {
    parts,
    cache,
    live,
    references,
    memory,
    pace: createVerificationPace(host.clock),
    dependencies: createDependencies(),
    users: createSourceUsers(),
    sources: () => {
      if (opened.sources === undefined) throw new Error('sources are watched once leading')
      return opened.sources
    },
  }
  const controller = buildController(wiring)
  return {
    synced: cache.synced,
    controller,
    async start() {
      await cache.synced
      opened.sources = watchSources({ kube, namespace, signal, sleep: (ms, until) => host.clock.sleep(ms, until) })
      await startWatching(wiring, controller)
    },
    close() {
      references.close()
      live.close()
    },
  }
}

function buildController(wiring: Wiring): Controller {
  const { parts, cache, memory, pace } = wiring
  const { host, rules } = parts
  const deps = createDeps(wiring, (key, afterMs) => controller.wake(key, 'drift', { afterMs }))
  const controller: Controller = createController<Kustomization>({
    table: kustomizationTable(memory, rules),
    kube: host.kube,
    cache,
    clock: host.clock,
    telemetry: host.telemetry,
    recorder: parts.recorder,
    limit: createLimit(parts.concurrent),
    retry: parts.retry,
    jitterPercent: parts.jitterPercent,
    reconcile: (kustomization, step, run) => reconcileKustomization(kustomization, deps, step, run),
    finalize: (stored, step, run) => finalizeKustomization(stored, deps, step, run),
    settled: (end) => announceEnd(deps, end),
    onStart: (kustomization) => (isAppliedAsStored(wiring, kustomization) ? 'verification' : 'spec'),
    pace: (wakeClass) => (wakeClass === 'verification' ? pace.waitMs() : 0),
    ...(parts.onStep ? { onStep: parts.onStep } : {}),
  })
  return controller
}

function createDeps(wiring: Wiring, wakeLater: Deps['wakeLater']): Deps {
  const { parts, cache, live, memory, references, dependencies, pace } = wiring
  const { host, rules } = parts
  const sourceRules = { allowsExternalArtifact: parts.allowsExternalArtifact, requeueDependencyMs: rules.requeueDependencyMs }
  const decode = decodeStored(decodeKustomization)
  const find = async (key: Key): Promise<Stored<Kustomization> | undefined> => {
    const cached = cache.get(key.namespace, key.name)
    const watchesAll = parts.labelSelector === '' && (parts.namespace === undefined || parts.namespace === key.namespace)
    if (cached || watchesAll) return cached
    const read = await host.kube.get({ resource: kustomizationKind, ...key })
    return read && decode(read)
  }
  const neighbours = {
    find,
    cycle: (key: Key) => dependencies.cycle(key),
    revisionOf: (source: Kustomization['spec']['sourceRef'], namespace: string) => wiring.sources().get(nameOfSource(source, namespace))?.artifact?.revision,
  }
  return {
    rules,
    clock: host.clock,
    kube: host.kube,
    live,
    fights: createFights(),
    fetcher: parts.fetcher,
    builder: parts.builder,
    memory,
    wakeLater,
    verified: (objects) => pace.spend(objects),
    findSource: (kustomization) => findSource(kustomization, wiring.sources(), sourceRules),
    async checkDependencies(kustomization) {
      const key = keyOf(kustomization.metadata)
      memory.block(key) // before it looks: what becomes ready meanwhile wakes it
      const stop = await checkDependencies(kustomization, neighbours, rules.requeueDependencyMs)
      if (stop === undefined) memory.unblock(key)
      else if (stop.kind === 'stalled') memory.block(key, dependencies.cycle(key))
      return stop
    },
    readReference: (kind, namespace, name) => references.read({ kind, namespace, name }),
    tell(kustomization, event) {
      const object = { apiVersion: apiVersionOf(kustomizationKind), kind: kustomizationKind.kind, metadata: kustomization.metadata }
      parts.recorder.record({ object, ...event })
    },
    announce: (type, key, facts) => host.bus.publish({ type, subject: { kind: kustomizationKind.kind, ...key }, facts }),
  }
}

/** Indexes what is there, opens the watches, listens to the bus, and lets the runs begin. */
async function startWatching(wiring: Wiring, controller: Controller): Promise<void> {
  const { cache, live, parts } = wiring
  const { host } = parts
  const sources = wiring.sources()
  host.kube.discovery.follow(host.signal)
  for (const after of cache.list()) index(wiring, { before: undefined, after })
  live.start()
  cache.onChange(({ before, after }) => {
    if (after) index(wiring, { before, after })
    else if (before) unindex(wiring, before)
    wakeDependants(wiring, controller, { before, after })
    if (before && after && mayLeaveNow(before, after)) controller.wake(keyOf(after.object.metadata), 'deletion')
  })
  host.bus.subscribe({ type: 'artifact-ready' }, (event) => reachSource(wiring, event))
  host.bus.subscribe({ type: 'reconcile-requested', kind: kustomizationKind.kind }, ({ subject, traceparent }) => {
    host.telemetry.within(traceparent, () => controller.wake({ namespace: subject.namespace, name: subject.name }, 'token'))
  })
  await sources.synced
  // Not before: what is there at the start moved nobody, and whoever is up to date is only verified.
  sources.onChange((name, source) => {
    for (const key of wiring.users.of(name)) {
      const attempted = wiring.memory.of(key).attempted
      const artifact = source?.artifact
      const isKnown = artifact !== undefined && attempted?.revision === artifact.revision && attempted.digest === artifact.digest
      if (!isKnown) controller.supersede(key, 'source')
    }
  })
  await controller.start()
}

/** An event is only speed: it makes sure that the watch has seen the source, and the source wakes who builds it. */
function reachSource({ parts, sources }: Wiring, { subject, facts, traceparent }: ReceivedEvent): void {
  const { host } = parts
  const { resourceVersion } = facts
  if (resourceVersion === undefined) return
  host.telemetry.within(traceparent, () => {
    sources()
      .reach(subject, resourceVersion)
      .catch((error: unknown) => host.telemetry.log.debug('announced source not read', { source: showSource(subject), error }))
  })
}

interface Moved {
  readonly before: Stored<Kustomization> | undefined
  readonly after: Stored<Kustomization> | undefined
}

function index(wiring: Wiring, { before, after }: Moved & { readonly after: Stored<Kustomization> }): void {
  const { users, dependencies, references, live } = wiring
  if (before && before.object.metadata.uid !== after.object.metadata.uid) unindex(wiring, before)
  const key = keyOf(after.object.metadata)
  if (!after.ok) {
    // Only a change of itself can help; what it owns is held as before.
    users.remove(key)
    dependencies.remove(key)
    references.remove(key)
    return
  }
  const { value } = after
  users.set(key, nameOfSource(value.spec.sourceRef, key.namespace))
  dependencies.set(key, dependenciesOf(value))
  references.set(key, referencesOf(value))
  // At a start, and when somebody else wrote the inventory: a run tracks what it holds itself.
  const inventory = inventoryOf({ kustomization: value })
  const known = before?.ok === true ? inventoryOf({ kustomization: before.value }) : []
  if (!holdsAll(known, inventory)) live.hold(key, inventory, holdingOf({ kustomization: value }))
}

function unindex({ users, dependencies, references, live, memory, parts }: Wiring, { object }: Stored<Kustomization>): void {
  const key = keyOf(object.metadata)
  users.remove(key)
  dependencies.remove(key)
  references.remove(key)
  memory.forget(key)
  live.forget(key)
  parts.builder.forget(textOf(key))
}

/**
 * Who waits for a dependency is woken when that may be ready now; who waits in a circle, when it may be broken; and who waits in
 * what has become a circle, to say so.
 */
function wakeDependants({ dependencies, memory }: Wiring, controller: Controller, { before, after }: Moved): void {
  const stored = after ?? before
  if (stored === undefined) return
  const key = keyOf(stored.object.metadata)
  const changed = before?.object.metadata.generation !== after?.object.metadata.generation
  const isNowReady = after?.ok === true && isReady(after.value)
  if (!isNowReady && !changed) return
  const circles = changed ? [...memory.circledWith(key), ...(dependencies.cycle(key) ?? [])] : []
  const waiting = [...dependencies.dependants(key), ...circles].filter((each) => memory.isBlocked(each))
  for (const each of waiting) controller.wake(each, 'dependency')
}

/** A finalizer that was refused looks again when somebody changes what it would do: the spec, or the inventory. */
function mayLeaveNow({ object: before }: Stored<Kustomization>, { object: after }: Stored<Kustomization>): boolean {
  if (before.metadata.deletionTimestamp === undefined || after.metadata.deletionTimestamp === undefined) return false
  const isEmpty = (object: typeof after): boolean => readInventory(object).length === 0
  return before.metadata.generation !== after.metadata.generation || (isEmpty(after) && !isEmpty(before))
}

/** Ready at the generation and at the revision that the source holds: after a start it is only verified, in the lowest class. */
function isAppliedAsStored({ sources }: Wiring, kustomization: Kustomization): boolean {
  const { metadata, spec, status } = kustomization
  const revision = sources().get(nameOfSource(spec.sourceRef, metadata.namespace ?? ''))?.artifact?.revision
  return isReady(kustomization) && status?.observedGeneration === metadata.generation && revision !== undefined && status?.lastAppliedRevision === revision
}

function announceEnd({ announce }: Deps, { key, before, after, outcome, notes, wrote }: RunEnd<Kustomization>): void {
  const resourceVersion = after.metadata.resourceVersion
  const facts = { reason: outcome.reason, message: outcome.message, ...(resourceVersion === undefined ? {} : { resourceVersion }) }
  const revision = notes.lastAppliedRevision ?? notes.lastAttemptedRevision ?? before.status?.lastAttemptedRevision
  const known = { ...facts, ...(revision === undefined ? {} : { revision }) }
  if (outcome.kind === 'ready' && wrote) announce('converged', key, known)
  if ((outcome.kind === 'failing' || outcome.kind === 'stalled') && wrote) announce('failed', key, known)
}
