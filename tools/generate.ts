import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { dump } from 'js-yaml'
import { customResourceDefinitions } from '@weir/shared/api/schemas'
import { flagsPage } from './flags-page.ts'
import type { Options } from './flags-page.ts'

// `npm run generate` writes what is derived from the sources; `--check` only says what is not current.
const root = join(import.meta.dirname, '..')
const folder = 'charts/weir/crds'
const heading = '# Generated from packages/shared/src/api by `npm run generate`. Do not edit.\n'

const wanted = new Map([...definitions(), ...(await flags())])
const superfluous = globSync(`${folder}/*`, { cwd: root }).filter((path) => !wanted.has(path))
const stale = [...wanted].filter(([path, text]) => read(path) !== text).map(([path]) => path)

if (process.argv.includes('--check')) check()
else write()

function check(): void {
  const wrong = [...superfluous, ...stale].toSorted()
  for (const path of wrong) process.stdout.write(`${path} is not current: npm run generate\n`)
  process.exitCode = wrong.length === 0 ? 0 : 1
}

function write(): void {
  for (const path of superfluous) rmSync(join(root, path))
  for (const path of stale) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), wanted.get(path) ?? '')
  }
  process.stdout.write(`${wanted.size} generated files are current, ${stale.length} written, ${superfluous.length} removed\n`)
}

function definitions(): readonly (readonly [path: string, text: string])[] {
  return customResourceDefinitions().map((crd) => [
    `${folder}/${crd.spec.group}_${crd.spec.names.plural}.yaml`,
    heading + dump(crd, { sortKeys: true, seqNoIndent: true, noRefs: true, lineWidth: -1 }),
  ])
}

/** The page of flags, from what each controller declares. */
async function flags(): Promise<readonly (readonly [path: string, text: string])[]> {
  const paths = globSync('packages/*-controller/src/options.ts', { cwd: root }).toSorted()
  const all = await Promise.all(
    paths.map(async (path): Promise<Options> => ({ controller: path.split('/')[1] ?? '', exports: await import(join(root, path)) })),
  )
  return all.length === 0 ? [] : [['docs/spec/flags.md', flagsPage(all)]]
}

function read(path: string): string | undefined {
  return existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : undefined
}
