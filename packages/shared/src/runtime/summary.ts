import { conditionTypes, type Condition, type ConditionStatus } from '@weir/shared/api'
import type { KindTable, Reconcilable } from './kind-table.ts'
import { tokenOf } from './wake.ts'

export interface Summary {
  readonly status: ConditionStatus
  readonly reason: string
  readonly message: string
}

type Vocabulary = Pick<KindTable<Reconcilable>, 'facts' | 'readyOrder'>

/**
 * What Ready says about the other conditions (contract 2.2): the first non-empty group of bad-and-True, good-and-False,
 * good-and-True, bad-and-False, Unknown, and in it the first type of the kind's order. A fact that forces wins over all.
 * Undefined when no condition of the order is there.
 */
export function summarise(table: Vocabulary, conditions: readonly Condition[]): Summary | undefined {
  const present = table.readyOrder.flatMap((type) => conditions.filter((condition) => condition.type === type))
  const first = present.find((each) => table.facts[each.type]?.forces === true && each.status === 'False') ?? firstOfGroups(table, present)
  return first && { status: groupOf(table, first).ready, reason: first.reason, message: first.message }
}

/** Ready=True, and neither Stalled nor Reconciling is True. */
export function isReady(object: Reconcilable): boolean {
  const is = (type: string): boolean => conditionOf(object, type)?.status === 'True'
  return is(conditionTypes.ready) && !is(conditionTypes.stalled) && !is(conditionTypes.reconciling)
}

/** A generation or a token that no run has answered yet. */
export function isAsked({ metadata, status }: Reconcilable): boolean {
  return status?.observedGeneration !== metadata.generation || status?.lastHandledReconcileAt !== tokenOf(metadata)
}

export function conditionOf(object: Pick<Reconcilable, 'status'>, type: string): Condition | undefined {
  return object.status?.conditions?.find((condition) => condition.type === type)
}

/** A failure that people were told of is over: Ready was False, or a fault was there. */
export function isRecovery(table: Pick<KindTable<Reconcilable>, 'faults'>, before: Reconcilable): boolean {
  const told = Object.entries(table.faults).filter(([, rule]) => rule.until === 'verdict')
  return conditionOf(before, conditionTypes.ready)?.status === 'False' || told.some(([type]) => conditionOf(before, type)?.status === 'True')
}

function firstOfGroups(table: Vocabulary, present: readonly Condition[]): Condition | undefined {
  return present.toSorted((a, b) => groupOf(table, a).rank - groupOf(table, b).rank)[0]
}

function groupOf(table: Vocabulary, condition: Condition): { readonly rank: number; readonly ready: ConditionStatus } {
  const good = condition.type in table.facts
  switch (condition.status) {
    case 'True':
      return good ? { rank: 2, ready: 'True' } : { rank: 0, ready: 'False' }
    case 'False':
      return good ? { rank: 1, ready: 'False' } : { rank: 3, ready: 'True' }
    case 'Unknown':
      return { rank: 4, ready: 'Unknown' }
  }
}
