import type { Parsed } from '../e2e/command.ts'
import { shapes, type Shape } from './fleet.ts'

export const scenarioNames = ['mttp', 'monorepo', 'steady', 'chain', 'drift', 'commit', 'memory'] as const
export type ScenarioName = (typeof scenarioNames)[number]

export interface BenchArguments {
  readonly scenario: ScenarioName
  /** Absent: the size in docs/benchmarks.md. */
  readonly n?: number
  readonly shape?: Shape
  readonly against?: 'flux'
  /** Size of Flux's side. Absent: as `n`, and without that as the scenario says. */
  readonly fluxN?: number
  readonly json: boolean
  /** Folder that takes CPU profiles of the controllers. */
  readonly profile?: string
}

export const usage = `usage: npm run bench -- SCENARIO [--n N] [--shape S] [--against flux [--flux-n N]] [--json] [--profile DIR]

scenarios, on a real control plane of their own on this machine:
  mttp       install a fleet, then upgrade all of it; beside the bare minimum of calls (the limit)
  monorepo   one repository, many Kustomizations, a commit that touches one app
  steady     nothing changes: ten intervals of 30 s
  chain      Kustomizations that each depend on the last
  drift      objects edited by hand
  commit     from a push to Ready, again and again
  memory     what the processes hold, one each and all in one

  --n N           size of the fleet; chain: its length; drift: edits; commit: pushes
  --shape S       of mttp and memory: plain (a folder each), overlay (a common base), shared (one folder, substitution)
  --against flux  the same on Flux's own controllers afterwards, on a control plane of their own
  --flux-n N      size of their side; else --n, and without that what they manage within minutes
  --json          print the JSON line alone
  --profile DIR   leave CPU profiles of the controllers there

progress goes to stderr; the last line of stdout is one JSON object, whose "missed" names the figures that are not within their budget
exit code: 0, also for budgets that are missed at a smaller size than the table's; 1 for one that is missed at full size, or a run that failed;
2 for wrong arguments`

type Draft = { -readonly [Key in keyof BenchArguments]?: BenchArguments[Key] }
type Refusal = { readonly kind: 'wrong'; readonly message: string }

/** Reads the command line: `--n 20` and `--n=20` alike. */
export function parseArguments(argv: readonly string[]): Parsed<BenchArguments> {
  const draft: Draft = { json: false }
  const left = argv.flatMap((argument) => (/^--[a-z-]+=/.test(argument) ? [argument.slice(0, argument.indexOf('=')), argument.slice(argument.indexOf('=') + 1)] : [argument]))
  for (let argument = left.shift(); argument !== undefined; argument = left.shift()) {
    if (argument === '--help' || argument === '-h') return { kind: 'help' }
    const refusal = argument.startsWith('--') ? takeFlag(draft, argument, left) : takeScenario(draft, argument)
    if (refusal !== undefined) return refusal
  }
  const { scenario, json = false, ...rest } = draft
  if (scenario === undefined) return wrong('which scenario?')
  if (rest.fluxN !== undefined && rest.against === undefined) return wrong('--flux-n is of --against flux')
  if (rest.shape !== undefined && scenario !== 'mttp' && scenario !== 'memory') return wrong(`${scenario} has one shape`)
  return { kind: 'run', run: { scenario, json, ...rest } }
}

function takeScenario(draft: Draft, word: string): Refusal | undefined {
  const scenario = scenarioNames.find((name) => name === word)
  if (scenario === undefined) return wrong(`there is no scenario ${word}`)
  if (draft.scenario !== undefined) return wrong(`one scenario at a time: ${draft.scenario} or ${scenario}`)
  Object.assign(draft, { scenario })
  return undefined
}

function takeFlag(draft: Draft, flag: string, left: string[]): Refusal | undefined {
  if (flag === '--json') return void Object.assign(draft, { json: true })
  const value = left.shift()
  const read = readers[flag]
  if (read === undefined) return wrong(`there is no flag ${flag}`)
  if (value === undefined || value === '') return wrong(`${flag} needs a value`)
  const taken = read(value)
  if (taken === undefined) return wrong(`${flag} ${value}: ${expectations[flag]}`)
  Object.assign(draft, taken)
  return undefined
}

const readers: Readonly<Record<string, (value: string) => Draft | undefined>> = {
  '--n': (value) => (isSize(value) ? { n: Number(value) } : undefined),
  '--flux-n': (value) => (isSize(value) ? { fluxN: Number(value) } : undefined),
  '--shape': (value) => {
    const shape = shapes.find((each) => each === value)
    return shape && { shape }
  },
  '--against': (value) => (value === 'flux' ? { against: value } : undefined),
  '--profile': (value) => ({ profile: value }),
}

function isSize(value: string): boolean {
  return /^[1-9]\d{0,4}$/.test(value)
}

const expectations: Readonly<Record<string, string>> = {
  '--n': 'a whole number from 1 to 99999 is expected',
  '--flux-n': 'a whole number from 1 to 99999 is expected',
  '--shape': `one of ${shapes.join(', ')} is expected`,
  '--against': 'flux is expected',
}

function wrong(message: string): Refusal {
  return { kind: 'wrong', message }
}
