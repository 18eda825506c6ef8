import { kustomizationKind, type Kustomization } from '@weir/shared/api'
import { decodeKustomization } from '@weir/shared/api/schemas'
import { createLiveSet, type LiveSet } from '@weir/shared/apply'
import { createCache, watchReferences } from '@weir/shared/kube'
import { createController, createDependencies, decodeStored, isReady, keyFrom, type Controller, type Key, type RunEnd, type WakeClass } from '@weir/shared/runtime'
import { createDeps } from './deps.ts'
import { finalizeKustomization } from './finalize.ts'
import { createSourceUsers } from './inputs/source-users.ts'
import { nameOfSource, watchSources, type Sources } from './inputs/sources.ts'
import { createMemory, type Memory } from './memory.ts'
import type { Deps } from './ports.ts'
import { reconcileKustomization } from './reconcile.ts'
import { kustomizationTable } from './table.ts'
import { createVerificationPace } from './verification.ts'
import { startWatching } from './wakes.ts'
import type { KustomizationParts, Wiring } from './wiring.ts'

export interface KustomizationController {
  /** The own kind's cache is synced: a follower is ready then. */
  readonly synced: Promise<unknown>
  /** Opens the watches of everything else and starts to work; once leading. */
  start(): Promise<void>
  readonly controller: Controller
  close(): void
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
  const live = openLiveSet(parts, memory, (key, wakeClass) => controller.wake(key, wakeClass))
  const references = watchReferences({
    kube,
    signal,
    // A wait with the old values may last until its timeout, and the new ones are what somebody mended.
    onChange: (owner) => controller.supersede(keyFrom(owner), 'dependency'),
    onTrouble: (of, error) => telemetry.log.error('references cannot be watched: they are read at each run', { ...of, error }),
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

function openLiveSet({ host, overrideManagers }: KustomizationParts, memory: Memory, wake: (key: Key, wakeClass: WakeClass) => void): LiveSet {
  const { kube, telemetry, clock } = host
  return createLiveSet({
    kube,
    telemetry,
    overrideManagers,
    onDrift(owner) {
      memory.of(owner).interrupt?.()
      wake(owner, 'drift')
    },
    onCurrent: (owner) => (memory.of(owner).unhealthy ? wake(owner, 'dependency') : undefined),
    onUnwatched: (kind, error) => telemetry.log.error('kind cannot be watched: its objects are asked for one by one', { kind, error }),
    now: () => clock.now().getTime(),
  })
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
    limit: host.limit(parts.concurrent),
    retry: parts.retry,
    jitterPercent: parts.jitterPercent,
    reconcile: (kustomization, step, run) => reconcileKustomization({ kustomization, owner: run.key, deps, step, run }),
    finalize: (stored, step, run) => finalizeKustomization({ stored, owner: run.key, deps, step, run }),
    settled: (end) => announceEnd(deps, end),
    onStart: (kustomization) => (isAppliedAsStored(wiring, kustomization) ? 'verification' : 'spec'),
    pace: (wakeClass) => (wakeClass === 'verification' ? pace.waitMs() : 0),
    ...(parts.onStep ? { onStep: parts.onStep } : {}),
  })
  return controller
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
