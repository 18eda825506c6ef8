import type { Dice } from './dice.ts'

/** What a part is in the cluster. `Frozen` is an immutable ConfigMap with the force switch; `Widget` brings its own definition. */
export const partKinds = ['ConfigMap', 'Secret', 'ServiceAccount', 'Service', 'Role', 'Deployment', 'Frozen', 'Namespace', 'Widget'] as const
export type PartKind = (typeof partKinds)[number]

export interface Part {
  readonly kind: PartKind
  /** Without the name of its unit. */
  readonly name: string
  readonly value: string
}

/**
 * - `yaml`: a file that is no YAML
 * - `refused`: an object that the API server does not take
 * - `missing`: a file is named that nobody committed
 * - `unhealthy`: a Deployment that fails to roll out
 */
export const breakages = ['yaml', 'refused', 'missing', 'unhealthy'] as const
export type Breakage = (typeof breakages)[number]

/** `plain` has no kustomization file; `overlay` stands on the base of its repository. */
export const unitShapes = ['plain', 'listed', 'overlay', 'generator'] as const
export type UnitShape = (typeof unitShapes)[number]

/** A Kustomization, and the folder that it builds. */
export interface Unit {
  /** `k07` */
  readonly name: string
  /** Index of its repository. */
  readonly repository: number
  readonly shape: UnitShape
  readonly parts: readonly Part[]
  readonly broken: Breakage | undefined
  readonly wait: boolean
  /** Of its first part, which then stays. */
  readonly healthChecks: boolean
  readonly prune: boolean
  readonly dependsOn: readonly string[]
  /** Value of `v`; undefined: nothing is substituted. */
  readonly variable: string | undefined
  /** A label that `commonMetadata` adds. */
  readonly common: string | undefined
  readonly allowEmpty: boolean
  readonly suspend: boolean
}

export interface Fleet {
  readonly repositories: number
  readonly units: readonly Unit[]
}

const shapeWeights = [
  [4, 'plain'],
  [3, 'listed'],
  [2, 'overlay'],
  [2, 'generator'],
] as const
const kindWeights = [
  [6, 'ConfigMap'],
  [3, 'Secret'],
  [2, 'ServiceAccount'],
  [2, 'Service'],
  [2, 'Role'],
  [1, 'Deployment'],
  [1, 'Frozen'],
] as const

/** 5 to 40 Kustomizations of 1 to 3 repositories. A unit depends on earlier ones alone, so that there is no cycle. */
export function planFleet(dice: Dice): Fleet {
  const repositories = dice.weighted([
    [3, 1],
    [2, 2],
    [1, 3],
  ] as const)
  const count = dice.between(5, 40)
  const hasNamespace = dice.chance(0.2)
  const hasWidget = dice.chance(0.1)
  const units: Unit[] = []
  for (let index = 0; index < count; index += 1) {
    const unit = planUnit(dice, { name: `k${String(index).padStart(2, '0')}`, repository: dice.between(0, repositories - 1), earlier: units.map(({ name }) => name) })
    units.push(unit)
  }
  const special: readonly Part[] = [...(hasNamespace ? [{ kind: 'Namespace', name: 'room', value: 'n0' } as const] : []), ...(hasWidget ? [{ kind: 'Widget', name: 'widget', value: 'w0' } as const] : [])]
  return { repositories, units: special.reduce<readonly Unit[]>((all, part) => giveTo(dice, all, part), units) }
}

function giveTo(dice: Dice, units: readonly Unit[], part: Part): readonly Unit[] {
  const fitting = units.filter(({ shape }) => shape !== 'overlay')
  if (fitting.length === 0) return units
  const chosen = dice.pick(fitting).name
  return units.map((unit) => (unit.name === chosen ? { ...unit, parts: [...unit.parts, part] } : unit))
}

interface Place {
  readonly name: string
  readonly repository: number
  readonly earlier: readonly string[]
}

function planUnit(dice: Dice, { name, repository, earlier }: Place): Unit {
  const shape = dice.weighted(shapeWeights)
  const parts = Array.from({ length: dice.between(1, 4) }, (_, index) => planPart(dice, `p${index}`))
  const wait = dice.chance(0.4)
  return {
    name,
    repository,
    shape,
    parts,
    broken: undefined,
    wait,
    healthChecks: !wait && parts[0]?.kind === 'ConfigMap' && dice.chance(0.5),
    prune: dice.chance(0.92),
    dependsOn: dice.chance(0.3) ? dice.some(earlier, dice.between(1, 2)) : [],
    variable: dice.chance(0.4) ? planValue(dice) : undefined,
    common: dice.chance(0.1) ? planValue(dice) : undefined,
    allowEmpty: false,
    suspend: false,
  }
}

export function planPart(dice: Dice, name: string): Part {
  return { kind: dice.weighted(kindWeights), name, value: planValue(dice) }
}

export function planValue(dice: Dice): string {
  return `value-${dice.between(0, 999_999)}`
}
