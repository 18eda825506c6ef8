import { statSync } from 'node:fs'
import { constants } from 'node:os'
import { parseArgs } from 'node:util'
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

/** A sentence for what is wrong; undefined where help is wanted. */
function parse(argv: readonly string[]): Arguments | string | undefined {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv], allowPositionals: true,
      options: { seed: { type: 'string', default: '1' }, only: { type: 'string' }, help: { type: 'boolean', short: 'h', default: false } },
    })
    if (values.help) return undefined
    const missing = positionals.find((directory) => statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true)
    if (missing !== undefined) return `${missing} is no directory`
    return positionals.length === 0 ? 'name at least one checkout' : { directories: positionals, seed: values.seed, only: values.only?.replace(/\/$/, '') }
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

async function main(argv: readonly string[]): Promise<number> {
  const parsed = parse(argv)
  if (parsed === undefined || typeof parsed === 'string') {
    say(parsed === undefined ? usage : `${parsed}\n\n${usage}`)
    return parsed === undefined ? 0 : 2
  }
  const stopping = new AbortController()
  const stopped: { by?: NodeJS.Signals } = {}
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => {
      stopped.by = name
      stopping.abort(new Error(`stopped by ${name}`))
    })
  }
  const startedMs = performance.now()
  const onProgress = (line: string): void => say(`${((performance.now() - startedMs) / 1000).toFixed(1).padStart(7)} s  ${line}`)
  try {
    const results = await runRepositories(parsed.directories, { seed: parsed.seed, only: parsed.only, onProgress, signal: stopping.signal })
    const differs = results.reduce((total, result) => total + result.differs, 0)
    const directories = results.reduce((total, result) => total + result.directories, 0)
    process.stdout.write(`${table(results)}\n${JSON.stringify({ seed: parsed.seed, directories, differs, ok: differs === 0 && directories > 0, repositories: results })}\n`)
    return differs === 0 && directories > 0 ? 0 : 1
  } catch (error) {
    if (stopped.by === undefined) throw error
    say(`stopped by ${stopped.by}`)
    return 128 + constants.signals[stopped.by]
  }
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  say(`e2e:repositories failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  return 1
})
