/** A controller as a reader of arguments. */
export interface ArgumentOwner {
  /** `source` reads `--source.concurrent=4` as its own `--concurrent=4`. */
  readonly prefix: string
  readonly flags: Readonly<Record<string, { readonly bare: boolean }>>
}

export type SplitArguments = { readonly ok: true; readonly argv: readonly (readonly string[])[] } | { readonly ok: false; readonly message: string }

/**
 * Deals a command line out to controllers that share a process. A flag goes to every controller that has it; with a prefix
 * to that one alone. A flag that none has is an error.
 */
export function splitArguments(argv: readonly string[], owners: readonly ArgumentOwner[]): SplitArguments {
  const dealt: string[][] = owners.map(() => [])
  const rest = [...argv]
  for (let argument = rest.shift(); argument !== undefined; argument = rest.shift()) {
    if (argument === '--help' || argument === '-h') {
      for (const each of dealt) each.push(argument)
      continue
    }
    const flag = parseFlag(argument)
    if (flag === undefined) return { ok: false, message: `unexpected argument ${JSON.stringify(argument)}` }
    const readers = owners.flatMap((owner, at) => (reads(owner, flag) ? [{ owner, at }] : []))
    const [first] = readers
    if (first === undefined) return { ok: false, message: `unknown flag: ${flag.written}` }
    const words = takesNext(first.owner, flag) ? [`--${flag.name}`, ...rest.splice(0, 1)] : [`--${flag.name}${flag.value}`]
    for (const { at } of readers) dealt[at]?.push(...words)
  }
  return { ok: true, argv: dealt }
}

interface WrittenFlag {
  readonly prefix: string | undefined
  readonly name: string
  /** With its `=`; `''` where none was written. */
  readonly value: string
  /** As it was written, without the value. */
  readonly written: string
}

function parseFlag(argument: string): WrittenFlag | undefined {
  const [, prefix, name = '', value = ''] = /^--(?:([a-z]+)\.)?([^=.]+)(=.*)?$/s.exec(argument) ?? []
  return name === '' ? undefined : { prefix, name, value, written: `--${prefix === undefined ? '' : `${prefix}.`}${name}` }
}

function reads(owner: ArgumentOwner, { prefix, name }: WrittenFlag): boolean {
  return (prefix === undefined || owner.prefix === prefix) && Object.hasOwn(owner.flags, name)
}

function takesNext(owner: ArgumentOwner, { name, value }: WrittenFlag): boolean {
  return value === '' && owner.flags[name]?.bare === false
}
