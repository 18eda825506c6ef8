import { readBool, type Flag, type FlagInput, type FlagValues, type Gate, type ParsedFlags, type ParsedNot, type Support } from './options.ts'

/** Name of the flag whose value switches gates. */
const gatesFlag = 'feature-gates'

interface Given {
  readonly name: string
  readonly value: string
}

interface Unusable {
  readonly problem: string
}

/**
 * Reads a command line as Go's pflag does: `--flag=value`, `--flag value`, `--bool`, `--bool=false`, the last one counts or all are joined.
 * An unknown flag, a value that does not fit, a stray argument or a refused flag: exit code 2 and one sentence.
 */
export function parseFlags<const F extends Readonly<Record<string, unknown>>>(input: FlagInput<F>): ParsedFlags<F> {
  const flags = input.flags as unknown as Readonly<Record<string, Flag<unknown>>>
  const given = splitArguments(flags, input.argv)
  if (given === 'help') return { ok: false, exitCode: 0, message: describeFlags(flags) }
  if ('problem' in given) return unusable(given.problem)
  const fromEnv = Object.entries(flags).flatMap(([name, flag]) => readEnv(name, flag, input.env))
  const all = [...fromEnv.filter(({ name }) => !given.some((each) => each.name === name)), ...given]

  const values = readValues(flags, all)
  if ('problem' in values) return unusable(values.problem)
  const gates = readGates(input.gates ?? {}, all.filter(({ name }) => name === gatesFlag).map(({ value }) => value))
  if ('problem' in gates) return unusable(gates.problem)

  const refused = spoken(flags, values.read, 'refused').map((name) => `--${name}`).concat(spokenGates(input.gates ?? {}, gates.read, 'refused'))
  if (refused.length > 0) return unusable(`not built yet, and running without it would be unsafe: ${refused.join(', ')}`)
  const ignored = spoken(flags, values.read, 'ignored')
    .map((name) => `--${name}`)
    .concat(spokenGates(input.gates ?? {}, gates.read, 'ignored'))
  return {
    ok: true,
    flags: values.read as FlagValues<F>,
    gates: gates.read,
    given: new Set(all.map(({ name }) => name)),
    ignored: ignored.map((name) => `${name} has no effect here`),
  }
}

/** One line a flag, sorted. */
export function describeFlags(flags: Readonly<Record<string, Flag<unknown>>>): string {
  const lines = Object.entries(flags).map(([name, flag]) => {
    const preset = flag.default === undefined ? '' : ` (default ${flag.show(flag.default)})`
    return `  --${name} ${flag.expects}\n        ${flag.meaning}${preset}`
  })
  return lines.sort().join('\n')
}

function unusable(message: string): ParsedNot {
  return { ok: false, exitCode: 2, message }
}

function splitArguments(flags: Readonly<Record<string, Flag<unknown>>>, argv: readonly string[]): readonly Given[] | Unusable | 'help' {
  const given: Given[] = []
  const rest = [...argv]
  for (let argument = rest.shift(); argument !== undefined; argument = rest.shift()) {
    if (argument === '--help' || argument === '-h') return 'help'
    const [, name = '', value] = /^--([^=]+)(?:=(.*))?$/s.exec(argument) ?? []
    if (name === '') return { problem: `unexpected argument ${JSON.stringify(argument)}` }
    const flag = Object.hasOwn(flags, name) ? flags[name] : undefined
    if (flag === undefined) return { problem: `unknown flag: --${name}` }
    const taken = value ?? (flag.bare ? 'true' : rest.shift())
    if (taken === undefined) return { problem: `flag needs an argument: --${name}` }
    given.push({ name, value: taken })
  }
  return given
}

function readEnv(name: string, flag: Flag<unknown>, env: Readonly<Record<string, string | undefined>>): readonly Given[] {
  const value = flag.env === undefined ? undefined : env[flag.env]
  return value === undefined || value === '' ? [] : [{ name, value }]
}

function readValues(flags: Readonly<Record<string, Flag<unknown>>>, given: readonly Given[]): { readonly read: Readonly<Record<string, unknown>> } | Unusable {
  const read: Record<string, unknown> = {}
  for (const { name, value } of given) {
    const flag = flags[name]
    const next = flag?.read(value)
    if (next === undefined) return { problem: `invalid argument ${JSON.stringify(value)} for --${name}: expected ${flag?.expects}` }
    read[name] = flag?.join && name in read ? flag.join(read[name], next) : next
  }
  return { read: Object.fromEntries(Object.entries(flags).map(([name, flag]) => [name, name in read ? read[name] : flag.default])) }
}

/** `A=true,B=false`, all occurrences together; the last word on a gate counts. */
function readGates(gates: Readonly<Record<string, Gate>>, texts: readonly string[]): { readonly read: ReadonlyMap<string, boolean> } | Unusable {
  const read = new Map(Object.entries(gates).map(([name, gate]) => [name, gate.default]))
  for (const part of texts.flatMap((each) => each.split(',')).map((each) => each.trim())) {
    if (part === '') continue
    const [name = '', value = ''] = part.split('=')
    if (!read.has(name)) return { problem: `unknown feature gate: ${name}` }
    const on = readBool(value.trim())
    if (on === undefined) return { problem: `invalid value of feature gate ${name}: expected ${name}=true or ${name}=false` }
    read.set(name, on)
  }
  return { read }
}

function spoken(flags: Readonly<Record<string, Flag<unknown>>>, values: Readonly<Record<string, unknown>>, support: Support): readonly string[] {
  const differs = (name: string, flag: Flag<unknown>): boolean => flag.show(values[name]) !== flag.show(flag.default)
  return Object.entries(flags).flatMap(([name, flag]) => (flag.support === support && differs(name, flag) ? [name] : []))
}

function spokenGates(gates: Readonly<Record<string, Gate>>, values: ReadonlyMap<string, boolean>, support: Support): readonly string[] {
  return Object.entries(gates).flatMap(([name, gate]) =>
    gate.support === support && values.get(name) !== gate.default ? [`feature gate ${name}`] : [],
  )
}
