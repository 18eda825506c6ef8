import type { Parsed } from '../command.ts'

export interface SoakArguments {
  /** How long people go on changing things, from when the whole fleet is ready. */
  readonly minutes: number
  readonly kustomizations: number
  readonly seed: number
  /** File that takes a JSON line a sample. */
  readonly record: string | undefined
  /** Folder that takes heap snapshots of the controllers: one after the warm-up, one at the end. */
  readonly heap: string | undefined
}

export const usage = `usage: npm run soak -- --minutes M [--kustomizations N] [--seed S] [--record FILE] [--heap DIR]

A fleet under everyday changes and faults, on a real control plane of its own on this machine; fails when memory, open files, sockets or timers grow.

  --minutes M          how long, after the fleet is ready; 60 is the real one, below 30 the verdict is a hint
  --kustomizations N   default 300
  --seed S             of what happens and of the faults; default 1
  --record FILE        a JSON line a sample; default .cache/soak/<time>.jsonl
  --heap DIR           leave heap snapshots of the controllers there, after the warm-up and at the end

progress goes to stderr; stdout gets one JSON object at the end; exit 0: flat, 1: not flat or something is wrong, 2: wrong arguments`

const readers: Readonly<Record<string, (value: string) => Partial<SoakArguments> | undefined>> = {
  '--minutes': (value) => numberIn(value, { least: 1, most: 10_000 }, (minutes) => ({ minutes })),
  '--kustomizations': (value) => numberIn(value, { least: 10, most: 5_000 }, (kustomizations) => ({ kustomizations })),
  '--seed': (value) => numberIn(value, { least: 0, most: 2 ** 32 - 1 }, (seed) => ({ seed })),
  '--record': (value) => ({ record: value }),
  '--heap': (value) => ({ heap: value }),
}

/** `--minutes 5` and `--minutes=5` alike. */
export function parseArguments(argv: readonly string[]): Parsed<SoakArguments> {
  const left = argv.flatMap((argument) => (/^--[a-z]+=/.test(argument) ? [argument.slice(0, argument.indexOf('=')), argument.slice(argument.indexOf('=') + 1)] : [argument]))
  const found: { -readonly [Key in keyof SoakArguments]?: SoakArguments[Key] } = {}
  for (let flag = left.shift(); flag !== undefined; flag = left.shift()) {
    if (flag === '--help' || flag === '-h') return { kind: 'help' }
    const read = Object.hasOwn(readers, flag) ? readers[flag] : undefined
    if (read === undefined) return wrong(`there is no argument ${flag}`)
    const value = left.shift()
    if (value === undefined || value === '') return wrong(`${flag} needs a value`)
    const taken = read(value)
    if (taken === undefined) return wrong(`${flag} ${value}: a whole number in its range is expected`)
    Object.assign(found, taken)
  }
  const { minutes, kustomizations = 300, seed = 1, record, heap } = found
  return minutes === undefined ? wrong('how long? --minutes M') : { kind: 'run', run: { minutes, kustomizations, seed, record, heap } }
}

function numberIn<T>(value: string, { least, most }: { readonly least: number; readonly most: number }, take: (found: number) => T): T | undefined {
  const found = /^\d{1,10}$/.test(value) ? Number(value) : Number.NaN
  return found >= least && found <= most ? take(found) : undefined
}

function wrong(message: string): Parsed<SoakArguments> {
  return { kind: 'wrong', message }
}
