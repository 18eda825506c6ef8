import { parseArguments, usage, type BenchArguments, type ScenarioName } from './arguments.ts'
import { chain } from './chain.ts'
import { commit } from './commit.ts'
import { drift } from './drift.ts'
import { memory } from './memory.ts'
import { monorepo } from './monorepo.ts'
import { mttp } from './mttp.ts'
import type { Scenario } from './scenario.ts'
import { steady } from './steady.ts'
import { tableOf } from './table.ts'

const scenarios: Readonly<Record<ScenarioName, Scenario>> = { mttp, monorepo, steady, chain, drift, commit, memory }

async function main(argv: readonly string[]): Promise<number> {
  const parsed = parseArguments(argv)
  switch (parsed.kind) {
    case 'help':
      say(usage)
      return 0
    case 'wrong':
      say(`${parsed.message}\n\n${usage}`)
      return 2
    case 'run':
      return run(parsed.run)
  }
}

async function run({ scenario: name, n, fluxN, shape = 'plain', against, json, profile }: BenchArguments): Promise<number> {
  const scenario = scenarios[name]
  const startedMs = performance.now()
  const onProgress = (line: string): void => say(`${((performance.now() - startedMs) / 1000).toFixed(1).padStart(7)} s  ${line}`)
  const signal = stopSignal()
  const ours = await scenario.run({ system: 'weir', n: n ?? scenario.n, shape, profile, onProgress, signal })
  const fluxSize = fluxN ?? n ?? scenario.fluxN?.(shape) ?? scenario.n
  const flux = against === undefined ? undefined : await scenario.run({ system: 'flux', n: fluxSize, shape, beside: ours, onProgress, signal })
  if (!json) print(tableOf({ ours, flux, scenario }))
  print(JSON.stringify(flux === undefined ? ours : { ...ours, flux }))
  return 0
}

/** Ctrl-C ends the run in order; a second one at once. */
function stopSignal(): AbortSignal {
  const stopping = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stopping.abort(new Error(`stopped by ${name}`)))
  return stopping.signal
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  say(`bench failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  return 1
})
