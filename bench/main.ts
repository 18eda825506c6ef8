import { print, runCommand, startProgress } from '../e2e/command.ts'
import { parseArguments, usage, type BenchArguments, type ScenarioName } from './arguments.ts'
import { chain } from './chain.ts'
import { commit } from './commit.ts'
import { drift } from './drift.ts'
import { memory } from './memory.ts'
import { monorepo } from './monorepo.ts'
import { mttp } from './mttp.ts'
import { fullPace } from './pace.ts'
import { endOf, type Scenario, type ScenarioOptions } from './scenario.ts'
import { steady } from './steady.ts'
import { tableOf } from './table.ts'

const scenarios: Readonly<Record<ScenarioName, Scenario>> = { mttp, monorepo, steady, chain, drift, commit, memory }

async function run({ scenario: name, n, fluxN, shape = 'plain', against, json, profile }: BenchArguments, signal: AbortSignal): Promise<number> {
  const scenario = scenarios[name]
  const onProgress = startProgress()
  const both: Pick<ScenarioOptions, 'shape' | 'pace' | 'onProgress' | 'signal'> = { shape, pace: fullPace, onProgress, signal }
  const ours = await scenario.run({ ...both, system: 'weir', n: n ?? scenario.n, profile })
  const fluxSize = fluxN ?? n ?? scenario.fluxN?.(shape) ?? scenario.n
  const flux = against === undefined ? undefined : await scenario.run({ ...both, system: 'flux', n: fluxSize, beside: ours })
  if (!json) print(tableOf({ ours, flux, scenario }))
  const { missed, exitCode } = endOf(ours, scenario)
  print(JSON.stringify({ ...ours, missed, ...(flux && { flux }) }))
  return exitCode
}

process.exitCode = await runCommand({ name: 'bench', usage, parse: parseArguments, run })
