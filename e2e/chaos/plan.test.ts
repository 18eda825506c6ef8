import { describe, expect, it } from '@jest/globals'
import { describePlan } from './describe.ts'
import { createDice } from './dice.ts'
import { places } from './fault-plan.ts'
import type { Unit } from './fleet-plan.ts'
import { finalUnits, planSeed, type Act, type Plan } from './plan.ts'
import { declaredBy, filesOf, kustomizationOf, siteOf } from './render-unit.ts'

const plans: readonly Plan[] = Array.from({ length: 400 }, (_, index) => planSeed(index + 1))
const actsOf = ({ steps }: Plan): readonly Act[] => steps.map(({ act }) => act)
const allUnits = (plan: Plan): readonly Unit[] => [...plan.fleet.units, ...actsOf(plan).flatMap((act) => (act.kind === 'commit' ? act.units : act.kind === 'spec' ? [act.unit] : []))]

describe('a plan', () => {
  it('is the same for the same seed, and another for another', () => {
    for (const plan of plans.slice(0, 20)) expect(planSeed(plan.seed)).toEqual(plan)
    expect(new Set(plans.map((plan) => JSON.stringify(plan.fleet))).size).toBe(plans.length)
    expect(createDice(1, 'fleet').between(0, 1e9)).not.toBe(createDice(1, 'steps').between(0, 1e9))
  })

  it('is told whole, in words', () => {
    const plan = plans[0] ?? planSeed(1)
    const told = describePlan(plan)
    for (const { name } of plan.fleet.units) expect(told).toContain(`${name} r`)
    expect(told.match(/^ {2}\d+\. after/gm)).toHaveLength(plan.steps.length)
  })

  it('has 5 to 40 units, and none that depends on itself, however far around', () => {
    for (const plan of plans) {
      expect(plan.fleet.units.length).toBeGreaterThanOrEqual(5)
      expect(plan.fleet.units.length).toBeLessThanOrEqual(40)
      for (const { name, dependsOn } of allUnits(plan)) for (const each of dependsOn) expect(each < name).toBe(true)
    }
  })

  it('ends with good commits alone, nothing suspended, and no dependency on what was deleted', () => {
    for (const plan of plans) {
      const final = finalUnits(plan)
      for (const unit of final.values()) {
        expect(unit).toMatchObject({ broken: undefined, suspend: false })
        for (const each of unit.dependsOn) expect(final.has(each)).toBe(true)
      }
    }
  })

  it('says that a unit may be empty before it is', () => {
    for (const plan of plans) {
      const allowed = new Set<string>()
      for (const act of actsOf(plan)) {
        if (act.kind === 'spec' && act.unit.allowEmpty) allowed.add(act.unit.name)
        if (act.kind === 'commit') for (const unit of act.units) if (unit.parts.length === 0) expect(allowed.has(unit.name)).toBe(true)
      }
    }
  })

  it('never has two parts of one name in a unit, and keeps the part that a health check names', () => {
    for (const plan of plans) {
      for (const unit of allUnits(plan)) {
        expect(new Set(unit.parts.map(({ name }) => name)).size).toBe(unit.parts.length)
        if (unit.healthChecks) expect(unit.parts[0]).toMatchObject({ kind: 'ConfigMap', name: 'p0' })
      }
    }
  })

  it('has everything in it sooner or later', () => {
    const acts = plans.flatMap(actsOf)
    const words = acts.flatMap((act) => (act.kind === 'commit' ? act.says.map((text) => text.split(' ')[0] ?? '') : [act.kind]))
    expect([...new Set(words)].sort()).toEqual(['add', 'break', 'clock', 'delete', 'edit', 'empty', 'fix', 'kill', 'pause', 'remove', 'rename', 'settle', 'spec'].sort())
    expect(new Set(acts.flatMap((act) => (act.kind === 'kill' ? [act.whom] : [])))).toEqual(new Set(['kustomize-controller', 'source-controller', 'engine', 'nats', 'kube-apiserver', 'etcd']))
    expect(new Set(acts.flatMap((act) => (act.kind === 'pause' ? [act.whom] : [])))).toEqual(new Set(['nats', 'kube-apiserver', 'etcd']))
    expect(new Set(acts.flatMap((act) => (act.kind === 'clock' ? [Math.sign(act.aheadMs)] : [])))).toEqual(new Set([-1, 0, 1]))
    expect(new Set(plans.flatMap(allUnits).flatMap(({ broken }) => broken ?? []))).toEqual(new Set(['yaml', 'refused', 'missing', 'unhealthy']))
    const kinds = plans.flatMap(({ rules }) => places.flatMap((place) => rules[place].map(({ fault }) => (fault.kind === 'status' ? String(fault.status) : fault.kind))))
    expect(new Set(kinds)).toEqual(new Set(['409', '410', '429', '500', '503', 'reset', 'stall', 'cut', 'slow', 'truncate', 'duplicate-request', 'duplicate-lines', 'gone-event']))
  })

  it('bounds every fault but that of lines told twice, which harms nobody', () => {
    for (const { rules } of plans) for (const place of places) for (const { fault, count } of rules[place]) expect(fault.kind === 'duplicate-lines' || (count ?? Infinity) <= 20).toBe(true)
  })
})

describe('a unit', () => {
  const site = siteOf(7)
  const unit: Unit = { name: 'k01', repository: 0, shape: 'plain', parts: [{ kind: 'ConfigMap', name: 'p0', value: 'one' }], broken: undefined, wait: false, healthChecks: false, prune: true, dependsOn: [], variable: undefined, common: undefined, allowEmpty: false, suspend: false }

  it('has a file for each part, and a folder even when it is empty', () => {
    expect(Object.keys(filesOf(site, unit)).sort()).toEqual(['apps/k01/README.md', 'apps/k01/p0.yaml'])
    expect(Object.keys(filesOf(site, { ...unit, shape: 'generator', parts: [] }))).toEqual(['apps/k01/README.md'])
  })

  it('breaks as told', () => {
    expect(filesOf(site, { ...unit, broken: 'missing' })['apps/k01/kustomization.yaml']).toContain('never-committed.yaml')
    expect(filesOf(site, { ...unit, broken: 'yaml' })).toHaveProperty(['apps/k01/broken.yaml'])
    expect(filesOf(site, { ...unit, broken: 'refused' })['apps/k01/broken.yaml']).toContain('NoSuchType')
  })

  it('declares what may not be deleted, but for what is recreated by force', () => {
    const frozen = { ...unit, parts: [...unit.parts, { kind: 'Frozen', name: 'p1', value: 'x' } as const] }
    expect(declaredBy(site, frozen)).toEqual([{ group: '', resource: 'configmaps', namespace: 'chaos-7', name: 'k01-p0' }])
    expect(declaredBy(site, { ...unit, shape: 'overlay' }).map(({ name }) => name)).toEqual(['k01-p0', 'k01-shared'])
  })

  it('names its canary nowhere but in a Secret', () => {
    const secret = { ...unit, variable: 'v', parts: [{ kind: 'Secret', name: 'p0', value: 'x' } as const] }
    expect(JSON.stringify([filesOf(site, secret), kustomizationOf(site, secret)])).not.toContain(site.canary)
    expect(JSON.stringify(filesOf(site, secret))).toContain('${canary}')
  })
})
