import { statSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { print, runCommand, startProgress, type Parsed } from '../command.ts'
import { table } from './report.ts'
import { runRepositories } from './repository.ts'

const usage = `usage: npm run e2e:repositories -- DIR… [--seed S] [--only PATH]

Builds every directory with a kustomization file of the checkouts with Weir and with the official kustomize, and compares.

  --seed S     chooses which files are edited; default 1
  --only PATH  this directory of each checkout alone

progress goes to stderr; the last line of stdout is one JSON object; exit 1 if anything differs`

interface Arguments {
  readonly directories: readonly string[]
  readonly seed: string
  readonly only: string | undefined
}

function parse(argv: readonly string[]): Parsed<Arguments> {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv], allowPositionals: true,
      options: { seed: { type: 'string', default: '1' }, only: { type: 'string' }, help: { type: 'boolean', short: 'h', default: false } },
    })
    if (values.help) return { kind: 'help' }
    const missing = positionals.find((directory) => statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true)
    if (missing !== undefined) return { kind: 'wrong', message: `${missing} is no directory` }
    if (positionals.length === 0) return { kind: 'wrong', message: 'name at least one checkout' }
    return { kind: 'run', run: { directories: positionals, seed: values.seed, only: values.only?.replace(/\/$/, '') } }
  } catch (error) {
    return { kind: 'wrong', message: error instanceof Error ? error.message : String(error) }
  }
}

async function run({ directories: checkouts, seed, only }: Arguments, signal: AbortSignal): Promise<number> {
  const results = await runRepositories(checkouts, { seed, only, onProgress: startProgress(), signal })
  const differs = results.reduce((total, result) => total + result.differs, 0)
  const directories = results.reduce((total, result) => total + result.directories, 0)
  const ok = differs === 0 && directories > 0
  print(table(results))
  print(JSON.stringify({ seed, directories, differs, ok, repositories: results }))
  return ok ? 0 : 1
}

process.exitCode = await runCommand({ name: 'e2e:repositories', usage, parse, run })
