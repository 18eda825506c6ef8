import { annotations } from '@weir/shared/api'
import type { KubeObject } from '@weir/shared/manifest'

/** The per-object switches of one object, as a set of bits: one is kept for every object of a fleet. */
export type Switches = number

export const switchBits = {
  reconcileDisabled: 1,
  ssaIgnore: 2,
  ssaIfNotPresent: 4,
  ssaMerge: 8,
  force: 16,
  pruneDisabled: 32,
} as const

const rules: readonly (readonly [key: string, value: string, bit: number])[] = [
  [annotations.reconcile, 'disabled', switchBits.reconcileDisabled],
  [annotations.ssa, 'ignore', switchBits.ssaIgnore],
  [annotations.ssa, 'ifnotpresent', switchBits.ssaIfNotPresent],
  [annotations.ssa, 'merge', switchBits.ssaMerge],
  [annotations.force, 'enabled', switchBits.force],
  [annotations.prune, 'disabled', switchBits.pruneDisabled],
]

/** Read from labels and annotations: keys exact, values in any case (contract 4.8). */
export function readSwitches({ metadata }: { readonly metadata: Pick<KubeObject['metadata'], 'labels' | 'annotations'> }): Switches {
  const says = (key: string, value: string): boolean =>
    metadata.labels?.[key]?.toLowerCase() === value || metadata.annotations?.[key]?.toLowerCase() === value
  return rules.reduce((bits, [key, value, bit]) => (says(key, value) ? bits | bit : bits), 0)
}

const skipping = switchBits.reconcileDisabled | switchBits.ssaIgnore

/** `live` is undefined for an object that does not exist. */
export function skipsApply(desired: Switches, live: Switches | undefined): boolean {
  if (((desired | (live ?? 0)) & skipping) !== 0) return true
  return live !== undefined && (desired & switchBits.ssaIfNotPresent) !== 0
}

/** Other managers keep their fields. */
export function mergesFields(desired: Switches, live: Switches | undefined): boolean {
  return ((desired | (live ?? 0)) & switchBits.ssaMerge) !== 0
}

/** May be deleted and created again where an update is impossible. */
export function mayRecreate(desired: Switches, live: Switches | undefined): boolean {
  return ((desired | (live ?? 0)) & switchBits.force) !== 0
}

/** Never deleted: by what the live object says alone, because a switch that is only in Git was perhaps never written. */
export function keepsFromPrune(live: Switches): boolean {
  return (live & (skipping | switchBits.pruneDisabled)) !== 0
}
