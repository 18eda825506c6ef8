import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { dump } from 'js-yaml'
import { customResourceDefinitions } from '@weir/shared/api/schemas'

// `npm run generate` writes charts/weir/crds from the schemas; `--check` only says what is not current.
const folder = join(import.meta.dirname, '../charts/weir/crds')
const heading = '# Generated from packages/shared/src/api by `npm run generate`. Do not edit.\n'

const wanted = new Map(
  customResourceDefinitions().map((crd) => [
    `${crd.spec.group}_${crd.spec.names.plural}.yaml`,
    heading + dump(crd, { sortKeys: true, seqNoIndent: true, noRefs: true, lineWidth: -1 }),
  ]),
)
const stale = process.argv.includes('--check') ? check() : write()
process.exitCode = stale.length === 0 ? 0 : 1

function check(): readonly string[] {
  const there = readFolder()
  const names = new Set([...wanted.keys(), ...there.keys()])
  const stale = [...names].filter((name) => wanted.get(name) !== there.get(name)).toSorted()
  for (const name of stale) process.stdout.write(`charts/weir/crds/${name} is not current: npm run generate\n`)
  return stale
}

function write(): readonly string[] {
  mkdirSync(folder, { recursive: true })
  for (const name of readFolder().keys()) if (!wanted.has(name)) rmSync(join(folder, name))
  for (const [name, text] of wanted) writeFileSync(join(folder, name), text)
  process.stdout.write(`${wanted.size} definitions in charts/weir/crds\n`)
  return []
}

function readFolder(): ReadonlyMap<string, string> {
  mkdirSync(folder, { recursive: true })
  return new Map(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]))
}
