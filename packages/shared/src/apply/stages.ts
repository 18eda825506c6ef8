import { applyRank, compareForApply } from '@weir/shared/manifest'
import type { ObjectId, Rank } from '@weir/shared/manifest'

/** Objects that are tested together and then written together. */
export interface Stage<T> {
  readonly name: 'definitions' | 'classes' | 'custom' | 'rest'
  /** Later stages need these objects: wait until they are current. */
  readonly waits: boolean
  /** Written rank by rank, the objects of one rank at once. Never empty. */
  readonly ranks: readonly (readonly T[])[]
}

/**
 * The stages of an apply (contract 4.8), empty ones left out. `customKinds` are `<group>/<Kind>` or `<Kind>` of
 * `--custom-apply-stage-kinds`.
 */
export function toStages<T>(objects: readonly T[], idOf: (object: T) => ObjectId, customKinds: readonly string[] = []): readonly Stage<T>[] {
  const custom = new Set(customKinds)
  const sorted = objects.toSorted((a, b) => compareForApply(idOf(a), idOf(b)))
  const byStage = Map.groupBy(sorted, (object) => stageOf(idOf(object), custom))
  return stageNames.flatMap((name) => {
    const members = byStage.get(name)
    return members === undefined ? [] : [{ name, waits: name === 'definitions' || name === 'classes', ranks: toRanks(members, idOf) }]
  })
}

/** The reverse order, for deletion: the objects of one list may go at once. */
export function toDeletionRanks<T>(objects: readonly T[], idOf: (object: T) => ObjectId): readonly (readonly T[])[] {
  const sorted = objects.toSorted((a, b) => compareForApply(idOf(b), idOf(a)))
  return toRanks(sorted, idOf).toReversed()
}

const stageNames = ['definitions', 'classes', 'custom', 'rest'] as const
type StageName = (typeof stageNames)[number]

function stageOf(id: ObjectId, custom: ReadonlySet<string>): StageName {
  if (isDefinition(id)) return 'definitions'
  if (id.kind.endsWith('Class')) return 'classes'
  return custom.has(id.kind) || custom.has(`${id.group}/${id.kind}`) ? 'custom' : 'rest'
}

function isDefinition({ group, kind }: ObjectId): boolean {
  if (kind === 'Namespace') return group === ''
  return kind === 'CustomResourceDefinition' || kind === 'ClusterRole'
}

function toRanks<T>(sorted: readonly T[], idOf: (object: T) => ObjectId): readonly (readonly T[])[] {
  const byRank = Map.groupBy<Rank, T>(sorted, (object) => applyRank(idOf(object)))
  return [...byRank].toSorted(([a], [b]) => a - b).map(([, members]) => members)
}
