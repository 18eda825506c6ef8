import { globSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { flagsOf, flagsPage, gatesOf } from './flags-page.ts'
import type { Options } from './flags-page.ts'
import { fluxFlags, fluxGates } from './flux-flags.ts'

const root = new URL('..', import.meta.url).pathname
const paths = globSync('packages/*-controller/src/options.ts', { cwd: root })
const all: readonly Options[] = await Promise.all(
  paths.map(async (path) => ({ controller: path.split('/')[1] ?? '', exports: await import(join(root, path)) })),
)

/** What would loosen security if it were ignored. */
const refusedUnlessBuilt = ['no-cross-namespace-refs', 'default-service-account'] as const

describe.each(Object.keys(fluxFlags))('the flags of %s', (controller) => {
  const options = all.find((one) => one.controller === controller) ?? { controller, exports: {} }

  it('are all those of Flux, with its defaults', () => {
    expect(defaultsOf(flagsOf(options), Object.keys(fluxFlags[controller] ?? {}))).toEqual(
      Object.fromEntries(Object.entries(fluxFlags[controller] ?? {}).map(([name, preset]) => [name, asText(preset)])),
    )
  })

  it('are never ignored where that would be unsafe', () => {
    const names = refusedUnlessBuilt.filter((name) => Object.hasOwn(fluxFlags[controller] ?? {}, name))
    for (const name of names) expect(['built', 'refused']).toContain(flagsOf(options).get(name)?.support)
  })

  it('come with all the gates of Flux, with its defaults', () => {
    expect(defaultsOf(gatesOf(options), Object.keys(fluxGates[controller] ?? {}))).toEqual(
      Object.fromEntries(Object.entries(fluxGates[controller] ?? {}).map(([name, preset]) => [name, asText(preset)])),
    )
  })
})

describe('the page of flags', () => {
  it('has a row for each flag and gate', () => {
    const flag = { default: 5, meaning: 'How many.', support: 'built', read: Number, show: String }
    const gate = { default: true, meaning: 'Whether | or not.', support: 'ignored' }
    const page = flagsPage([{ controller: 'toy-controller', exports: { flags: { 'nats-url': flag }, gates: { Toy: gate }, start: () => 1 } }])
    expect(page).toContain("## toy-controller\n\n| flag | default | | meaning |\n| --- | --- | --- | --- |\n| `--nats-url` | `5` | built | How many. Weir's own. |")
    expect(page).toContain('| `Toy` | `true` | ignored | Whether \\| or not. |')
  })
})

function defaultsOf(declared: ReadonlyMap<string, { readonly default: unknown }>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, declared.has(name) ? asText(declared.get(name)?.default) : 'not declared']))
}

/** An empty list and an empty text are the same default on a command line. */
function asText(value: unknown): string {
  return Array.isArray(value) ? value.join(',') : String(value)
}
