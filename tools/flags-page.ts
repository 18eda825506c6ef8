import { fluxFlags } from './flux-flags.ts'

/** What a flag or gate of a controller's options.ts looks like from here. */
interface Option {
  readonly default: unknown
  readonly meaning: string
  readonly support: string
  readonly show?: (value: never) => string
  readonly env?: string
}

/** The exports of one controller's options.ts. */
export interface Options {
  readonly controller: string
  readonly exports: Readonly<Record<string, unknown>>
}

const heading = `# Flags

<!-- Generated from the controllers' options.ts by \`npm run generate\`. Do not edit. -->

Every flag and feature gate of Flux's two controllers is accepted by name, so that a command line can be taken over as it is. What it does here is one of:

- **built**: it works.
- **ignored**: it has no effect here; giving it another value than its default is told in the log once.
- **refused**: it restricts security and is not built yet; giving it another value than its default ends the process with exit code 2.

A flag that Flux does not have is marked "Weir's own". In \`weir all\` a flag goes to every controller that has it; with a prefix, as in
\`--source.concurrent\` or \`--kustomize.concurrent\`, to one. Booleans are given as \`--flag\` or \`--flag=false\`.
`

/** The page `docs/spec/flags.md`. */
export function flagsPage(all: readonly Options[]): string {
  return [heading, ...all.map(section)].join('\n')
}

/** Every flag that a controller declares: the values of exported records that can be read from text. */
export function flagsOf(options: Options): ReadonlyMap<string, Option> {
  return new Map(recordsOf(options).flatMap((record) => Object.entries(record).filter(([, option]) => 'read' in option)))
}

/** Every feature gate: a switch that cannot be read from text by itself. */
export function gatesOf(options: Options): ReadonlyMap<string, Option> {
  return new Map(recordsOf(options).flatMap((record) => Object.entries(record).filter(([, option]) => !('read' in option))))
}

function section(options: Options): string {
  const flags = [...flagsOf(options)].toSorted(byName).map(([name, option]) => row(`\`--${name}\``, option, isOwn(options.controller, name)))
  const gates = [...gatesOf(options)].toSorted(byName).map(([name, option]) => row(`\`${name}\``, option, false))
  const table = (title: string, rows: readonly string[]): string => `| ${title} | default | | meaning |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`
  return [`## ${options.controller}\n`, table('flag', flags), ...(gates.length === 0 ? [] : [table('gate', gates)])].join('\n')
}

function isOwn(controller: string, name: string): boolean {
  return !Object.hasOwn(fluxFlags[controller] ?? {}, name)
}

function row(name: string, option: Option, ours: boolean): string {
  const meaning = [option.meaning, ...(ours ? ["Weir's own."] : []), ...(option.env === undefined ? [] : [`Also from \`${option.env}\`.`])].join(' ')
  return `| ${name} | ${preset(option)} | ${option.support} | ${meaning.replaceAll('|', '\\|')} |`
}

function preset(option: Option): string {
  if (option.default === undefined) return 'unset'
  const shown = option.show === undefined ? JSON.stringify(option.default) : option.show(option.default as never)
  return `\`${shown.replaceAll('|', '\\|')}\``
}

function recordsOf({ exports }: Options): readonly Readonly<Record<string, Option>>[] {
  return Object.values(exports).filter(isRecordOfOptions)
}

function isRecordOfOptions(value: unknown): value is Readonly<Record<string, Option>> {
  if (typeof value !== 'object' || value === null) return false
  const entries = Object.values(value)
  return entries.length > 0 && entries.every((entry) => typeof entry === 'object' && entry !== null && 'support' in entry && 'meaning' in entry)
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1
}
