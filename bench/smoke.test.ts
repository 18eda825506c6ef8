import { expect, it } from '@jest/globals'
import { chain } from './chain.ts'
import { commit } from './commit.ts'
import { drift } from './drift.ts'
import { memory } from './memory.ts'
import { monorepo } from './monorepo.ts'
import { mttp } from './mttp.ts'
import type { Pace } from './pace.ts'
import { endOf, type Figures, type Scenario } from './scenario.ts'
import { steady } from './steady.ts'

/** As little as shows that a scenario converges and prints its keys; figures of three apps say nothing. */
const pace: Pace = { settleMs: 0, quietMs: 2_000, restMs: 0, idleMs: 0, intervals: 2, intervalSeconds: 2, commits: 1, fleet: 3, rounds: 1 }

async function measure(scenario: Scenario): Promise<Figures> {
  const figures = await scenario.run({ system: 'weir', n: 3, shape: 'plain', pace, onProgress: () => undefined, signal: new AbortController().signal })
  // No budget without its figure, and nothing that JSON would lose.
  expect(endOf(figures, scenario).exitCode).toBe(0)
  expect(JSON.parse(JSON.stringify(figures))).toEqual(figures)
  return figures
}

const some: unknown = expect.any(Number)
const apart = { 'source-controller': some, 'kustomize-controller': some }

it('mttp measures a fleet of three from the first POST to the last Ready', async () => {
  const figures = await measure(mttp)
  expect(Object.keys(figures)).toEqual(
    expect.arrayContaining([
      'n', 'shape', 'installSeconds', 'upgradeSeconds', 'limitInstallSeconds', 'limitUpgradeSeconds', 'ratio', 'ratioInstall', 'ratioUpgrade',
      'apiCallsPerKustomization', 'statusWritesPerKustomization', 'dryRuns', 'cpuSeconds', 'rssMiB', 'peakMiB',
    ]),
  )
  expect(Object.entries(figures).filter(([, value]) => typeof value === 'number' && !(value > 0))).toEqual([])
  expect(figures).toMatchObject({ n: 3, shape: 'plain', rounds: { '1': figures['ratio'] }, limitCallsPerKustomization: some })
  // Its watch may open within the phase: one call more for all.
  expect(Math.floor(Number(figures['limitCallsPerKustomization']))).toBe(6)
}, 180_000)

it.each<readonly [string, Scenario, Readonly<Record<string, unknown>>]>([
  // The one app that was touched, by the count of the engine that built it.
  ['monorepo', monorepo, { n: 3, builds: 1, objectCalls: some, statusWritesPerObject: some, seconds: some }],
  ['steady', steady, { n: 3, intervals: 2, builds: some, downloads: some, objectReads: some, statusWritesPerObject: some, cpuSeconds: some }],
  ['chain', chain, { n: 3, hops: 4, hopP50Ms: some, hopP99Ms: some }],
  ['drift', drift, { n: 3, fleet: 3, p50Ms: some, p99Ms: some, callsPerEdit: some }],
  ['commit', commit, { n: 3, p50Ms: some, p99Ms: some }],
  ['memory', memory, { n: 3, perController: apart, peakMiB: { ...apart, all: some }, allInOneMiB: some, engineMiB: some, startMs: some }],
])('%s prints each figure that it promises', async (_, scenario, promised) => {
  expect(await measure(scenario)).toMatchObject(promised)
}, 180_000)
