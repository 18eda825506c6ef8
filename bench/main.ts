import { parseArguments, usage, type BenchArguments, type ScenarioName } from './arguments.ts'
import { chain } from './chain.ts'
import { commit } from './commit.ts'
import { drift } from './drift.ts'
import { memory } from './memory.ts'
import { monorepo } from './monorepo.ts'
import { mttp } from './mttp.ts'
import { judge, type Figures, type Scenario } from './scenario.ts'
import { steady } from './steady.ts'

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

async function run({ scenario: name, n, shape = 'plain', against, json, profile }: BenchArguments): Promise<number> {
  if (against !== undefined) {
    say('--against flux is not built yet: nothing here can start the controllers of Flux')
    return 2
  }
  const scenario = scenarios[name]
  const startedMs = performance.now()
  const onProgress = (line: string): void => say(`${((performance.now() - startedMs) / 1000).toFixed(1).padStart(7)} s  ${line}`)
  const figures = await scenario.run({ n: n ?? scenario.n, shape, profile, onProgress, signal: stopSignal() })
  if (!json) print(table(figures, scenario))
  print(JSON.stringify(figures))
  return 0
}

/** Ctrl-C ends the run in order; a second one at once. */
function stopSignal(): AbortSignal {
  const stopping = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stopping.abort(new Error(`stopped by ${name}`)))
  return stopping.signal
}

/** Figures, and the budgets beside them; these are for the size in docs/benchmarks.md. */
function table(figures: Figures, { budgets, n }: Scenario): string {
  const verdicts = new Map(judge(figures, budgets).map((verdict) => [verdict.key, verdict]))
  const rows = Object.entries(figures).map(([key, figure]) => {
    const verdict = verdicts.get(key)
    const shown = typeof figure === 'object' ? Object.entries(figure).map(([name, value]) => `${name} ${value}`).join(', ') : String(figure)
    return `${key.padEnd(30)}${shown.padEnd(28)}${verdict === undefined ? '' : ` ${verdict.isMet ? 'within' : 'MISSED'} ≤ ${verdict.most}`}`.trimEnd()
  })
  const note = figures['n'] === n ? '' : `\n(the budgets are for n = ${n})`
  return `${rows.join('\n')}${note}`
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
