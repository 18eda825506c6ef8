import { formatDurationMs, kustomizationKind } from '@weir/shared/api'
import { ApplyError, applySet, holdsAll, unite, type Change, type Holding, type Inventory, type Running } from '@weir/shared/apply'
import { inventoryId, showObject, showOwner } from '@weir/shared/manifest'
import { isAsked, isStop, type Stop } from '@weir/shared/runtime'
import { listedRefs } from './health.ts'
import type { Context, Prepared } from '../ports.ts'
import { applyStop } from '../stops.ts'
import { timeoutMs } from '../timing.ts'

/**
 * Makes the cluster hold the declared objects. Before the first write that adds an id to those that are owned the inventory says so: a
 * crash leaves nothing untracked. After a failure it keeps old and new ids together, since a write without an answer may have been done.
 */
export async function apply(context: Context, prepared: Prepared, owned = inventoryOf(context)): Promise<readonly Change[] | Stop> {
  const { kustomization, owner, deps, step, run } = context
  const { desired, revision } = prepared
  if (run.cause === 'verification') deps.verified(desired.length)
  step.progress(`Detecting drift for revision ${revision} with a timeout of ${formatDurationMs(timeoutMs(kustomization))}`)
  deps.live.hold(owner, prepared.inventory, holdingOf(context))
  // Whose an object is by now is known from its watch; an apply that nobody asked for takes nothing from another.
  const isClaimed = isWanted(context, revision)
  const looked = isClaimed ? undefined : await step('look at what is owned', (signal) => deps.live.synced(owner, signal))
  if (isStop(looked)) return looked
  const saveIntent = async (): Promise<void> => {
    if (holdsAll(owned, prepared.inventory)) return
    step.note({ inventory: { entries: [...unite(owned, prepared.inventory)] } })
    await step.save(`Applying manifests for revision ${revision}`)
  }
  try {
    const { changes } = await applySet({
      owner,
      desired,
      kube: deps.kube,
      live: deps.live,
      force: kustomization.spec.force === true,
      claims: isClaimed,
      verifies: run.cause === 'verification',
      concurrency: deps.rules.concurrentSsa,
      customStageKinds: deps.rules.customStageKinds,
      mask: prepared.mask,
      beforeFirstWrite: saveIntent,
      running: runningOf(context),
      signal: run.signal,
    })
    remember(context, prepared, changes)
    return changes
  } catch (error) {
    if (error instanceof StoppedStep) return error.stop
    if (error instanceof ApplyError) remember(context, prepared, error.changes)
    return applyStop(error, prepared.mask)
  }
}

/** A new revision, generation or token: objects that another Kustomization took are taken back for it. */
export function isWanted({ kustomization }: Pick<Context, 'kustomization'>, revision: string): boolean {
  return kustomization.status?.lastAppliedRevision !== revision || isAsked(kustomization)
}

export function inventoryOf({ kustomization }: Pick<Context, 'kustomization'>): Inventory {
  return kustomization.status?.inventory?.entries ?? []
}

/** Whose health this object waits for: kinds that nobody waits for are watched by their metadata alone. */
export function holdingOf({ kustomization }: Pick<Context, 'kustomization'>): Holding {
  const { spec, metadata } = kustomization
  if (spec.wait === true) return { waitsFor: 'all' }
  const refs = listedRefs(spec.healthChecks ?? [], metadata.namespace ?? '')
  return { waitsFor: refs.flatMap((ref) => [inventoryId(ref), inventoryId({ ...ref, namespace: '' })]) } // the kind may be cluster-scoped
}

/** Whether any of them changed the cluster. */
export function hasWritten(changes: readonly Change[]): boolean {
  return changes.some(({ action }) => action !== 'unchanged' && action !== 'skipped')
}

function remember({ deps, run, kustomization }: Context, { revision }: Prepared, changes: readonly Change[]): void {
  const remembered = deps.memory.of(run.key)
  remembered.changes = [...remembered.changes, ...changes.filter((change) => hasWritten([change]))]
  for (const { ref, sharedWith } of changes) {
    if (sharedWith === undefined) continue
    const message = `${showObject(ref)} is declared by Kustomization/${showOwner(sharedWith)} too: each takes it from the other with every change of its own`
    deps.tell(kustomization, { type: 'Warning', reason: 'SharedObject', message, metadata: { [`${kustomizationKind.group}/revision`]: revision } })
  }
}

/** A Stop of a step (its deadline) on its way through a room that knows no Stops. */
class StoppedStep extends Error {
  override readonly name = 'StoppedStep'
  readonly stop: Stop
  constructor(stop: Stop) {
    super(stop.message)
    this.stop = stop
  }
}

function runningOf({ step }: Context): Running {
  const through =
    (mode: 'critical' | 'park'): Running['critical'] =>
    async (name, run) => {
      // A step may hand back a Stop of its own in place of the value; nothing that `apply` runs looks like one.
      const box = await step[mode](name, async (signal) => ({ value: await run(signal) }))
      if (isStop(box)) throw new StoppedStep(box)
      return box.value
    }
  return { critical: through('critical'), park: through('park') }
}
