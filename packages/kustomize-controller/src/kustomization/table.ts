import { controllerNames, fieldManagers, finalizer, kustomizationKind, type Kustomization } from '@weir/shared/api'
import { subtract, unite } from '@weir/shared/apply'
import type { KindTable } from '@weir/shared/runtime'
import { inventoryOf } from './cluster/apply.ts'
import { eventsOf } from './events.ts'
import type { Memory } from './memory.ts'
import { keyOfKustomization } from './ports.ts'
import { intervalMs, retryIntervalMs } from './timing.ts'

/** A Kustomization's vocabulary and policies. */
export function kustomizationTable(memory: Memory, rules: { readonly tellsUnchangedSuccess: boolean }): KindTable<Kustomization> {
  return {
    kind: kustomizationKind,
    controller: controllerNames.kustomize,
    fieldManager: fieldManagers.kustomizeStatus,
    finalizer,
    facts: { Healthy: {} },
    faults: {},
    readyOrder: [],
    running: 'unknown',
    suspended: { dropsStalled: false, observes: 'if-ready' },
    retry: { intervalMs: retryIntervalMs, maxBackoffMs: retryIntervalMs },
    invalid: { reason: 'InvalidSpec' },
    failed: { reason: 'ReconciliationFailed' },
    timedOut: { reason: 'ReconciliationFailed' },

    intervalMs,
    /** Nothing is untracked that this run has not seen: the object may have been read before another process wrote its inventory. */
    amend(notes, stored) {
      const noted = notes.inventory
      if (noted === undefined) return notes
      const { dropped } = memory.of(keyOfKustomization(stored))
      const kept = subtract(inventoryOf({ kustomization: stored }), dropped)
      return { ...notes, inventory: { entries: [...unite(kept, noted.entries)] } }
    },
    events(moment) {
      const remembered = memory.of(keyOfKustomization(moment.before))
      const { changes } = remembered
      remembered.changes = []
      return eventsOf(moment, { changes, ...rules })
    },
  }
}
