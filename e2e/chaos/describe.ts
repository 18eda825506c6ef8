import type { FaultRule } from '@weir/shared/testing'
import { places } from './fault-plan.ts'
import type { Unit } from './fleet-plan.ts'
import type { Act, Plan } from './plan.ts'

/** A plan for people: fleet, faults, and steps, a line each. */
export function describePlan({ seed, fleet, rules, steps, troubledEnd }: Plan): string {
  const faults = places.filter((place) => rules[place].length > 0).map((place) => `  faults between ${place}: ${rules[place].map(describeRule).join('; ')}`)
  const acts = steps.map(({ afterMs, act }, index) => `  ${index + 1}. after ${afterMs} ms: ${describeAct(act)}`)
  const end = troubledEnd ? ['  the faults go on while everything is deleted'] : []
  return [`  seed ${seed}: ${fleet.units.length} Kustomizations of ${fleet.repositories} repositories`, ...fleet.units.map((unit) => `  ${describeUnit(unit)}`), ...faults, ...acts, ...end].join('\n')
}

function describeUnit(unit: Unit): string {
  const words = [unit.wait && 'wait', unit.healthChecks && 'healthChecks', !unit.prune && 'no prune', unit.variable !== undefined && 'substitute', unit.common !== undefined && 'label', unit.dependsOn.length > 0 && `after ${unit.dependsOn.join(' ')}`]
  const parts = unit.parts.map(({ kind, name }) => `${kind}/${name}`).join(' ')
  return `${unit.name} r${unit.repository} ${unit.shape}: ${parts}${words.filter((word) => word !== false).map((word) => `, ${word}`).join('')}`
}

function describeRule({ fault, methods, path, probability, count }: FaultRule): string {
  const facts = Object.entries(fault).map(([name, value]) => (name === 'kind' ? String(value) : `${name}=${value}`))
  return [...facts, methods?.join(','), path?.source.includes('(?!') ? undefined : path?.source, probability === undefined ? undefined : `p=${probability}`, count === undefined ? undefined : `at most ${count}`].filter((word) => word !== undefined).join(' ')
}

function describeAct(act: Act): string {
  switch (act.kind) {
    case 'commit':
      return `commit to r${act.repository}: ${act.says.join(', ')}`
    case 'spec':
      return act.says
    case 'delete':
      return `delete Kustomization ${act.unit}`
    case 'edit':
      return `${act.how} ${act.part.kind} ${act.unit}-${act.part.name} by hand`
    case 'kill':
      return `kill ${act.whom} for ${act.downMs} ms${act.thenAt === undefined ? '' : `, and again at ${act.thenAt}`}`
    case 'pause':
      return `freeze ${act.whom} for ${act.ms} ms`
    case 'clock':
      return act.aheadMs === 0 ? 'set the clock of the controllers right' : `set the clock of the controllers ${Math.abs(act.aheadMs) / 1000} s ${act.aheadMs > 0 ? 'ahead' : 'back'}`
    case 'settle':
      return 'wait a while'
  }
}
