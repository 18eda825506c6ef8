import { controllerNames, fieldManagers, finalizer, kustomizationKind, type Kustomization } from '@weir/shared/api'
import type { KindTable } from '@weir/shared/runtime'
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
    events(moment) {
      const remembered = memory.of(keyOfKustomization(moment.before))
      const { changes } = remembered
      remembered.changes = []
      return eventsOf(moment, { changes, ...rules })
    },
  }
}
