import { kustomizationKind, type Kustomization } from '@weir/shared/api'
import { holdsAll } from '@weir/shared/apply'
import type { ReceivedEvent } from '@weir/shared/events'
import { isReady, keyOf, textOf, type Controller, type Stored } from '@weir/shared/runtime'
import { holdingOf, inventoryOf } from './cluster/apply.ts'
import { readInventory } from './finalize.ts'
import { dependenciesOf } from './inputs/dependencies.ts'
import { referencesOf } from './inputs/references.ts'
import { nameOfSource, showSource } from './inputs/sources.ts'
import type { Wiring } from './wiring.ts'

/** Indexes what is there, opens the watches, listens to the bus, and lets the runs begin. */
export async function startWatching(wiring: Wiring, controller: Controller): Promise<void> {
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
    references.remove(textOf(key))
    return
  }
  const { value } = after
  users.set(key, nameOfSource(value.spec.sourceRef, key.namespace))
  dependencies.set(key, dependenciesOf(value))
  references.set(textOf(key), referencesOf(value))
  // At a start, and when somebody else wrote the inventory: a run tracks what it holds itself.
  const inventory = inventoryOf({ kustomization: value })
  const known = before?.ok === true ? inventoryOf({ kustomization: before.value }) : []
  if (!holdsAll(known, inventory)) live.hold(key, inventory, holdingOf({ kustomization: value }))
}

function unindex({ users, dependencies, references, live, memory, parts }: Wiring, { object }: Stored<Kustomization>): void {
  const key = keyOf(object.metadata)
  users.remove(key)
  dependencies.remove(key)
  references.remove(textOf(key))
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
