import { describe, expect, it } from '@jest/globals'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { allKills, families, lookingSteps, notKilled } from './kill-plan.ts'
import { readStepNames } from './step-names.ts'

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..')
const stepOf = (killAt: string): string => killAt.slice(0, killAt.lastIndexOf('/'))
const inCode = [...new Set(readStepNames('packages/').flatMap(({ name }) => (name.includes('${…}') ? (families[name] ?? [`no family for ${name}`]) : [name])))].sort()

describe('the steps at which processes are killed', () => {
  it('are all steps that the code names: a new one needs a kill', () => {
    const killed = new Set(allKills.map(stepOf))
    expect(inCode.filter((step) => !killed.has(step))).toEqual(Object.keys(notKilled).sort())
  })

  it('exist: none was renamed away', () => {
    expect(allKills.map(stepOf).filter((step) => !inCode.includes(step))).toEqual([])
  })

  it('each at its begin and at its end, unless it only looks', () => {
    const looking = new Set<string>(lookingSteps)
    const once = [...new Set(allKills.map(stepOf))].filter((step) => !looking.has(step)).filter((step) => !(['begin', 'end'] as const).every((phase) => allKills.includes(`${step}/${phase}`)))
    expect(once).toEqual([])
  })

  it('know every stage of an apply', () => {
    const text = readFileSync(path.join(root, 'packages/shared/src/apply/stages.ts'), 'utf8')
    const stages = /const stageNames = \[(?<names>[^\]]+)\]/.exec(text)?.groups?.['names']?.split(',').map((name) => name.trim().replaceAll("'", ''))
    expect(families['apply ${…}']).toEqual(stages?.map((stage) => `apply ${stage}`))
  })
})
