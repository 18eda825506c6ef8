import type { Kube } from '@weir/shared/kube'
import { compareForApply, showOwner } from '@weir/shared/manifest'
import type { Owner } from '@weir/shared/manifest'
import { ApplyError } from './apply-error.ts'
import type { Change } from './change.ts'
import type { Desired } from './declare.ts'
import { toInventory } from './inventory.ts'
import type { LiveSet } from './live/live-set.ts'
import { needsWork } from './needs-work.ts'
import { applyStage } from './stage.ts'
import { toStages } from './stages.ts'
import { unlimited } from './write/parallel.ts'
import type { Limiter } from './write/parallel.ts'
import type { Mask } from './write/refusal.ts'
import type { Writing } from './write/writing.ts'

/** How the parts of an apply are run. `critical` and `park` of a run's step fit; by default each just runs. */
export interface Running {
  /** From the first to the last write of a stage. */
  critical<T>(name: string, run: (signal: AbortSignal) => Promise<T>): Promise<T>
  /** Waits and needs no worker. */
  park<T>(name: string, run: (signal: AbortSignal) => Promise<T>): Promise<T>
}

export interface ApplySetOptions {
  readonly owner: Owner
  readonly desired: readonly Desired[]
  /** As the identity that writes. */
  readonly kube: Kube
  readonly live: LiveSet
  /** `spec.force`: recreate what cannot be updated. */
  readonly force?: boolean
  /**
   * A new revision, generation or token of our own: objects that another Kustomization has taken are taken back. Without
   * it they are left alone.
   */
  readonly claims?: boolean
  /** After a start: what the live set knows is applied without a dry run. */
  readonly verifies?: boolean
  /** Dry runs, and writes of one rank, at once. Default 4. */
  readonly concurrency?: number
  /** Bounds every call. */
  readonly limit?: Limiter
  /** `--custom-apply-stage-kinds`. */
  readonly customStageKinds?: readonly string[]
  /** Hides what is secret in messages, beside the values of Secrets. */
  readonly mask?: Mask
  /** Awaited once, before the first write of all: here the inventory that will be is stored, and Ready becomes Unknown. */
  readonly beforeFirstWrite?: () => Promise<void>
  readonly running?: Running
  readonly signal: AbortSignal
}

/** Every declared object, in the order of an apply. */
export interface ApplySetResult {
  readonly changes: readonly Change[]
}

/**
 * Makes the cluster hold the declared objects. What is equal to what this process applied last, and has not drifted since,
 * costs nothing. The rest goes stage by stage: all of a stage are tested, and only if none is refused they are written.
 * Throws ApplyError, with the changes made before; or the signal's reason, and then a stage that has begun is finished
 * unless `running.critical` says otherwise.
 */
export async function applySet(options: ApplySetOptions): Promise<ApplySetResult> {
  const { desired, owner, live, signal } = options
  live.hold(owner, toInventory(desired.map(({ ref }) => ref)))
  const context = createContext(options)
  const { work, settled } = await needsWork(context, desired, { claims: options.claims ?? false, signal })
  const changes: Change[] = [...settled]
  for (const stage of toStages(work, ({ ref }) => ref, options.customStageKinds)) {
    signal.throwIfAborted()
    try {
      const isSingle = options.verifies === true || work.length === 1
      changes.push(...(await applyStage(context, stage, { trustsLiveSet: isSingle, signal })))
    } catch (error) {
      if (error instanceof ApplyError) throw error.after(inOrder([...changes, ...error.changes]))
      throw error
    }
  }
  return { changes: inOrder(changes) }
}

/** What every stage of one run needs. */
export interface ApplyContext extends Writing {
  readonly owner: Owner
  readonly live: LiveSet
  readonly concurrency: number
  readonly running: Running
  readonly beforeWrite: () => Promise<void>
}

function createContext(options: ApplySetOptions): ApplyContext {
  const { owner, kube, live, signal } = options
  const told: { first: Promise<void> | undefined } = { first: undefined }
  return {
    owner,
    live,
    kube,
    state: live.state,
    holderKey: showOwner(owner),
    force: options.force ?? false,
    limit: options.limit ?? unlimited,
    mask: options.mask ?? ((text) => text),
    concurrency: options.concurrency ?? 4,
    running: options.running ?? { critical: (_name, run) => run(signal), park: (_name, run) => run(signal) },
    beforeWrite: () => (told.first ??= options.beforeFirstWrite?.() ?? Promise.resolve()),
  }
}

const inOrder = (changes: readonly Change[]): readonly Change[] => changes.toSorted((a, b) => compareForApply(a.ref, b.ref))
