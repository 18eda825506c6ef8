import type { Parsed } from '../command.ts'

export interface ChaosArguments {
  readonly seeds: number
  readonly from: number
  /** Worlds side by side, each with a control plane of its own. */
  readonly lanes: number
  /** Seeds after which a world is built anew. */
  readonly freshEvery: number
  /** File that takes a line for each finished seed; seeds in it are not run again. */
  readonly record: string | undefined
  /** Print the plan of each seed as well. */
  readonly verbose: boolean
}

export const usage = `usage: npm run chaos -- --seeds N [--from S] [--record FILE] [--lanes L] [--fresh-every K] [--verbose]

Random fleets, random commits and random faults on a real control plane; each seed ends with an empty cluster.

  --seeds N        how many seeds
  --from S         the first seed, default 1; \`--seeds 1 --from S\` replays one
  --record FILE    a JSON line for each finished seed; seeds that are in it are not run again.
                   Default: a new file in the temporary folder, named at the start
  --lanes L        so many control planes side by side, default 1
  --fresh-every K  a new control plane after K seeds, default 200
  --verbose        the plan of every seed, not only of those that fail

progress goes to stderr; the last line of stdout is one JSON object; exit code 1 if anything was violated`

const numbers = { '--seeds': 'seeds', '--from': 'from', '--lanes': 'lanes', '--fresh-every': 'freshEvery' } as const

/** Reads the command line: `--seeds 20` and `--seeds=20` alike. */
export function parseArguments(argv: readonly string[]): Parsed<ChaosArguments> {
  const draft: { -readonly [Key in keyof ChaosArguments]?: ChaosArguments[Key] } = { from: 1, lanes: 1, freshEvery: 200, record: undefined, verbose: false }
  const left = argv.flatMap((argument) => (/^--[a-z-]+=/.test(argument) ? [argument.slice(0, argument.indexOf('=')), argument.slice(argument.indexOf('=') + 1)] : [argument]))
  for (let argument = left.shift(); argument !== undefined; argument = left.shift()) {
    if (argument === '--help' || argument === '-h') return { kind: 'help' }
    if (argument === '--verbose') draft.verbose = true
    else if (argument === '--record') {
      draft.record = left.shift()
      if (draft.record === undefined || draft.record === '') return wrong('--record takes a file')
    } else if (isNumber(argument)) {
      const text = left.shift() ?? ''
      if (!/^\d{1,9}$/.test(text) || (Number(text) === 0 && argument !== '--from')) return wrong(`${argument} takes a number, not "${text}"`)
      draft[numbers[argument]] = Number(text)
    } else return wrong(`unknown argument ${argument}`)
  }
  const { seeds, from = 1, lanes = 1, freshEvery = 200, record, verbose = false } = draft
  if (seeds === undefined) return wrong('how many seeds?')
  return { kind: 'run', run: { seeds, from, lanes, freshEvery, record, verbose } }
}

function isNumber(argument: string): argument is keyof typeof numbers {
  return Object.hasOwn(numbers, argument)
}

function wrong(message: string): Parsed<ChaosArguments> {
  return { kind: 'wrong', message }
}
