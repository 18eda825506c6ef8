import { createDice, type Dice } from './dice.ts'
import { planRules, type Rules } from './fault-plan.ts'
import { breakages, planFleet, planPart, planValue, type Fleet, type Part, type Unit } from './fleet-plan.ts'

export type Freezable = 'nats' | 'kube-apiserver' | 'etcd'
export type Victim = 'kustomize-controller' | 'source-controller' | 'engine' | Freezable

/** What happens to a running fleet. A commit or a new spec carries the whole new state of its units. */
export type Act =
  | { readonly kind: 'commit'; readonly repository: number; readonly base: string; readonly units: readonly Unit[]; readonly says: readonly string[] }
  | { readonly kind: 'spec'; readonly unit: Unit; readonly says: string }
  | { readonly kind: 'delete'; readonly unit: string }
  | { readonly kind: 'edit'; readonly unit: string; readonly part: Part; readonly how: EditKind }
  | { readonly kind: 'kill'; readonly whom: Victim; readonly downMs: number; readonly thenAt: string | undefined }
  | { readonly kind: 'pause'; readonly whom: Freezable; readonly ms: number }
  | { readonly kind: 'clock'; readonly aheadMs: number }
  | { readonly kind: 'settle' }

export type EditKind = 'change' | 'add' | 'delete'

export interface Step {
  readonly afterMs: number
  readonly act: Act
}

/** Everything that happens in one seed, before it happens. */
export interface Plan {
  readonly seed: number
  readonly fleet: Fleet
  readonly base: string
  readonly rules: Rules
  readonly steps: readonly Step[]
  /** The trouble goes on while everything is deleted. */
  readonly troubledEnd: boolean
}

/** The same plan for the same seed, on every machine. The last commit to every repository is good. */
export function planSeed(seed: number): Plan {
  const fleet = planFleet(createDice(seed, 'fleet'))
  const rules = planRules(createDice(seed, 'faults'))
  const dice = createDice(seed, 'steps')
  const base = planValue(dice)
  const draft: Draft = { dice, units: new Map(fleet.units.map((unit) => [unit.name, unit])), deleted: new Set(), base: Array.from({ length: fleet.repositories }, () => base), steps: [] }
  const count = dice.between(2, 7)
  commit(draft)
  for (let index = 0; index < count; index += 1) takeStep(draft)
  mendAll(draft)
  return { seed, fleet, base, rules, steps: draft.steps, troubledEnd: dice.chance(0.3) }
}

interface Draft {
  readonly dice: Dice
  readonly units: Map<string, Unit>
  readonly deleted: Set<string>
  readonly base: string[]
  readonly steps: Step[]
}

/** The state of every unit once all steps are done; deleted ones are not in it. */
export function finalUnits(plan: Plan): ReadonlyMap<string, Unit> {
  const units = new Map(plan.fleet.units.map((unit) => [unit.name, unit]))
  for (const { act } of plan.steps) {
    if (act.kind === 'commit') for (const unit of act.units) if (units.has(unit.name)) units.set(unit.name, unit)
    if (act.kind === 'spec') units.set(act.unit.name, act.unit)
    if (act.kind === 'delete') units.delete(act.unit)
  }
  return units
}

type Move = (draft: Draft) => void

const moves: readonly (readonly [number, Move])[] = [
  [9, commit],
  [2, edit],
  [3, kill],
  [1, setClock],
  [2, changeSpec],
  [1, remove],
  [1, settle],
]

function takeStep(draft: Draft): void {
  draft.dice.weighted(moves)(draft)
}

function push({ dice, steps }: Draft, act: Act): void {
  steps.push({ afterMs: dice.chance(0.3) ? 0 : dice.between(0, 500), act })
}

function living({ units, deleted }: Draft): readonly Unit[] {
  return [...units.values()].filter(({ name }) => !deleted.has(name))
}

function commit(draft: Draft): void {
  const { dice, base } = draft
  const repository = dice.pick(living(draft)).repository
  const theirs = living(draft).filter((unit) => unit.repository === repository)
  const changed = dice.some(theirs, dice.between(1, Math.max(1, Math.ceil(theirs.length / 3)))).map((unit) => changeUnit(dice, unit))
  for (const { unit } of changed) if (unit.allowEmpty && !draft.units.get(unit.name)?.allowEmpty) allowEmpty(draft, unit)
  if (dice.chance(0.15)) base[repository] = planValue(dice)
  record(draft, repository, changed)
}

interface Changed {
  readonly unit: Unit
  readonly says: string
}

function record(draft: Draft, repository: number, changed: readonly Changed[]): void {
  for (const { unit } of changed) draft.units.set(unit.name, unit)
  push(draft, { kind: 'commit', repository, base: draft.base[repository] ?? '', units: changed.map(({ unit }) => unit), says: changed.map(({ says }) => says) })
}

/** The Kustomization may be emptied before its folder is. */
function allowEmpty(draft: Draft, { name }: Unit): void {
  const known = draft.units.get(name)
  if (known === undefined) return
  const unit = { ...known, allowEmpty: true }
  draft.units.set(name, unit)
  push(draft, { kind: 'spec', unit, says: `${name} may be empty` })
}

type Change = 'edit' | 'add' | 'remove' | 'rename' | 'break' | 'empty'

function changeUnit(dice: Dice, unit: Unit): Changed {
  if (unit.broken !== undefined) return { unit: { ...unit, broken: undefined }, says: `fix ${unit.name}` }
  const change = unit.parts.length === 0 ? 'add' : dice.weighted<Change>([[6, 'edit'], [3, 'add'], [3, 'remove'], [3, 'rename'], [3, 'break'], [1, 'empty']])
  const free = unit.healthChecks ? unit.parts.slice(1) : unit.parts
  const one = free.length === 0 ? undefined : dice.pick(free)
  const next = `p${dice.between(10, 999)}`
  switch (change) {
    case 'edit':
      return { unit: replace(unit, dice.pick(unit.parts), { value: planValue(dice) }), says: `edit ${unit.name}` }
    case 'remove':
      if (one !== undefined && unit.parts.length > 1) return { unit: { ...unit, parts: unit.parts.filter((part) => part !== one) }, says: `remove ${unit.name}-${one.name}` }
      break
    case 'rename':
      if (one !== undefined && one.kind !== 'Namespace') return { unit: replace(unit, one, { name: next }), says: `rename ${unit.name}-${one.name} to ${next}` }
      break
    case 'break': {
      const broken = dice.pick(breakages)
      return { unit: { ...unit, broken }, says: `break ${unit.name}: ${broken}` }
    }
    case 'empty':
      if (!unit.healthChecks) return { unit: { ...unit, parts: [], allowEmpty: true }, says: `empty ${unit.name}` }
      break
    case 'add':
      break
  }
  return unit.parts.some(({ name }) => name === next) ? { unit, says: `leave ${unit.name}` } : { unit: { ...unit, parts: [...unit.parts, planPart(dice, next)] }, says: `add ${unit.name}-${next}` }
}

function replace(unit: Unit, one: Part, changed: Partial<Part>): Unit {
  return { ...unit, parts: unit.parts.map((part) => (part === one ? { ...part, ...changed } : part)) }
}

const editable: ReadonlySet<string> = new Set(['ConfigMap', 'Secret', 'ServiceAccount', 'Service', 'Role'])

function edit(draft: Draft): void {
  const { dice } = draft
  const targets = living(draft).flatMap(({ name, parts }) => parts.filter(({ kind }) => editable.has(kind)).map((part) => ({ unit: name, part })))
  if (targets.length === 0) return
  for (const target of dice.some(targets, dice.between(1, 5))) push(draft, { kind: 'edit', ...target, how: dice.pick(['change', 'change', 'add', 'delete'] as const) })
}

/** Steps at which a controller that comes back dies once more. */
const deadlySteps = ['fetch artifact/end', 'build/end', 'write status: running/end', 'apply rest/begin', 'apply rest/end', 'prune/begin', 'prune/end', 'confirm inventory/begin', 'write status: ready/begin', 'write status: ready/end', 'remove finalizer/begin', 'delete objects/end']

function kill(draft: Draft): void {
  const { dice } = draft
  const whom = dice.weighted<Victim>([[6, 'kustomize-controller'], [3, 'source-controller'], [3, 'engine'], [2, 'nats'], [2, 'kube-apiserver'], [2, 'etcd']])
  if (isFreezable(whom) && dice.chance(0.4)) {
    push(draft, { kind: 'pause', whom, ms: dice.between(100, 1_500) })
    return
  }
  const thenAt = whom === 'kustomize-controller' && dice.chance(0.4) ? `${dice.pick(deadlySteps)}/${dice.between(1, 4)}` : undefined
  push(draft, { kind: 'kill', whom, downMs: dice.between(0, 300), thenAt })
}

const isFreezable = (whom: Victim): whom is Freezable => whom === 'nats' || whom === 'kube-apiserver' || whom === 'etcd'

const [secondMs, minuteMs, hourMs, dayMs] = [1_000, 60_000, 3_600_000, 86_400_000]

/** Of the machine that the controllers run on; it stays so until the next one, or the end of the seed. */
function setClock(draft: Draft): void {
  const { dice } = draft
  const aheadMs = dice.pick([dayMs, hourMs, 5 * minuteMs, 30 * secondMs]) * dice.pick([1, 1, -1, -1, 0])
  push(draft, { kind: 'clock', aheadMs })
}

function changeSpec(draft: Draft): void {
  const { dice } = draft
  const found = dice.pick(living(draft))
  const isChecked = found.wait || found.healthChecks
  const changes: readonly (readonly [string, Partial<Unit>])[] = [
    [found.suspend ? 'resume' : 'suspend', { suspend: !found.suspend }],
    ['new variable of', found.variable === undefined ? { common: planValue(dice) } : { variable: planValue(dice) }],
    ['other wait of', isChecked ? { wait: false, healthChecks: false } : { wait: true }],
    ['new label of', { common: planValue(dice) }],
    ['no dependencies of', { dependsOn: [] }],
  ]
  const [says, changed] = dice.pick(changes)
  const unit = { ...found, ...changed }
  draft.units.set(unit.name, unit)
  push(draft, { kind: 'spec', unit, says: `${says} ${unit.name}` })
}

function remove(draft: Draft): void {
  const all = living(draft)
  const free = all.filter(({ name }) => !all.some(({ dependsOn }) => dependsOn.includes(name)))
  if (all.length < 3 || free.length === 0) return
  const unit = draft.dice.pick(free).name
  draft.deleted.add(unit)
  push(draft, { kind: 'delete', unit })
}

function settle(draft: Draft): void {
  push(draft, { kind: 'settle' })
}

/** The last commit to each repository is good, and nothing stays suspended. */
function mendAll(draft: Draft): void {
  for (const unit of living(draft).filter(({ suspend }) => suspend)) {
    const resumed = { ...unit, suspend: false }
    draft.units.set(unit.name, resumed)
    push(draft, { kind: 'spec', unit: resumed, says: `resume ${unit.name}` })
  }
  for (const repository of draft.base.keys()) {
    const broken = living(draft).filter((unit) => unit.repository === repository && unit.broken !== undefined)
    if (broken.length > 0) record(draft, repository, broken.map((unit) => ({ unit: { ...unit, broken: undefined }, says: `fix ${unit.name}` })))
  }
}
