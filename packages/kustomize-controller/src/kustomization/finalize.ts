import { parseDurationMs, type DeletionPolicy, type InventoryEntry, type Kustomization } from '@weir/shared/api'
import { prune, subtract, toRefs, waitForTermination, type Inventory } from '@weir/shared/apply'
import type { KubeObject } from '@weir/shared/kube'
import { fieldAt, isFields, type Owner } from '@weir/shared/manifest'
import { failing, failingTransiently, isStop, stalled, type Stop, type Stored } from '@weir/shared/runtime'
import type { Context, Deps } from './ports.ts'
import { boundedTimeoutMs, fallbackIntervalMs } from './timing.ts'

/** What the finalizer reads of an object, whose spec may be one that nobody could decode. */
interface Leaving {
  readonly inventory: Inventory
  readonly suspended: boolean
  readonly prunes: boolean
  readonly policy: DeletionPolicy
  /** The field that says to delete as somebody else, or elsewhere. */
  readonly foreign: string | undefined
  readonly timeoutMs: number
}

/** One run of one Kustomization that is being deleted. */
export interface Parting extends Omit<Context, 'kustomization'> {
  readonly stored: Stored<Kustomization>
}

/** Deletes what the inventory lists as `deletionPolicy` says (contract 4.9), never as the wrong identity and never on doubt. */
export async function finalizeKustomization(parting: Parting): Promise<Stop | 'finalized'> {
  const { stored, owner, deps, step, run } = parting
  const confirmed = await step('confirm inventory', async () => ({ stored: await run.confirmed() }))
  if (isStop(confirmed)) return confirmed
  const leaving = readLeaving(confirmed.stored?.object ?? stored.object)
  if (confirmed.stored === undefined || leavesObjects(leaving)) return forget(deps, owner)
  if (leaving.foreign !== undefined) {
    return stalled({ reason: 'NotSupported', message: `${leaving.foreign} is not supported yet: its objects are not deleted with another identity; remove them or the inventory, or suspend this object` })
  }
  deps.live.hold(owner, leaving.inventory)
  const result = await step.critical('delete objects', (signal) =>
    prune({ owner, stale: leaving.inventory, kube: deps.kube, live: deps.live, concurrency: deps.rules.concurrentSsa, signal }),
  )
  if (isStop(result)) return result
  if (result.message !== undefined) {
    deps.memory.of(run.key).dropped = subtract(leaving.inventory, result.survivors)
    step.note({ inventory: { entries: [...result.survivors] } })
    const why = { reason: 'PruneFailed', message: `pruning for deleted resource failed: ${result.message}` }
    return result.failures.every(({ isTransient }) => isTransient) ? failingTransiently(why) : failing(why)
  }
  if (leaving.policy === 'WaitForTermination') await untilGone(parting, leaving)
  return forget(deps, owner)
}

/** A wait that runs out is told, and the object goes all the same (contract 4.9). */
async function untilGone({ stored, deps, step, owner }: Parting, { inventory, timeoutMs }: Leaving): Promise<void> {
  const verdict = await step.park('wait for termination', (signal) => waitForTermination({ live: deps.live, owner, refs: toRefs(inventory), timeoutMs, signal }))
  if (isStop(verdict) || verdict.kind === 'gone') return
  const message = `failed to wait for resources termination: ${verdict.message}`
  if (stored.ok) deps.tell(stored.value, { type: 'Warning', reason: 'ReconciliationFailed', message })
}

function leavesObjects({ inventory, suspended, prunes, policy }: Leaving): boolean {
  if (suspended || inventory.length === 0) return true
  switch (policy) {
    case 'MirrorPrune':
      return !prunes
    case 'Orphan':
      return true
    case 'Delete':
    case 'WaitForTermination':
      return false
  }
}

function forget({ live }: Deps, owner: Owner): 'finalized' {
  live.forget(owner)
  return 'finalized'
}

const policies: ReadonlySet<unknown> = new Set<DeletionPolicy>(['MirrorPrune', 'Delete', 'WaitForTermination', 'Orphan'])

function readLeaving(object: KubeObject): Leaving {
  const policy = fieldAt(object, 'spec', 'deletionPolicy')
  return {
    inventory: readInventory(object),
    suspended: fieldAt(object, 'spec', 'suspend') === true,
    prunes: fieldAt(object, 'spec', 'prune') === true,
    policy: policies.has(policy) ? (policy as DeletionPolicy) : 'MirrorPrune',
    foreign: foreignOf(object),
    timeoutMs: boundedTimeoutMs(durationIn(object, 'timeout'), durationIn(object, 'interval') ?? fallbackIntervalMs),
  }
}

/** What the status of any object lists, readable spec or not. */
export function readInventory(object: KubeObject): Inventory {
  const entries = fieldAt(object, 'status', 'inventory', 'entries')
  return Array.isArray(entries) ? entries.filter(isEntry) : []
}

function durationIn(object: KubeObject, field: string): number | undefined {
  const text = fieldAt(object, 'spec', field)
  return typeof text === 'string' ? parseDurationMs(text) : undefined
}

function foreignOf(object: KubeObject): string | undefined {
  if (fieldAt(object, 'spec', 'kubeConfig') !== undefined) return 'spec.kubeConfig'
  const account = fieldAt(object, 'spec', 'serviceAccountName')
  return typeof account === 'string' && account !== '' ? 'spec.serviceAccountName' : undefined
}

const isEntry = (value: unknown): value is InventoryEntry => isFields(value) && typeof value['id'] === 'string' && typeof value['v'] === 'string'
