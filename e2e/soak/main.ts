import path from 'node:path'
import { parseArguments, usage, type SoakArguments } from './arguments.ts'
import { soak } from './soak.ts'

async function main(argv: readonly string[]): Promise<number> {
  const parsed = parseArguments(argv)
  switch (parsed.kind) {
    case 'help':
      say(usage)
      return 0
    case 'wrong':
      say(`${parsed.message}\n\n${usage}`)
      return 2
    case 'run':
      return run(parsed.run)
  }
}

async function run(given: SoakArguments): Promise<number> {
  const startedMs = performance.now()
  const onProgress = (line: string): void => say(`${((performance.now() - startedMs) / 1000).toFixed(0).padStart(6)} s  ${line}`)
  const record = given.record ?? path.join(import.meta.dirname, '../../.cache/soak', `${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}.jsonl`)
  onProgress(`seed ${given.seed}, record ${record}`)
  const report = await soak({ ...given, record, onProgress, signal: stopSignal() })
  process.stdout.write(`${JSON.stringify(report)}\n`)
  return report.isFlat && report.problems.length === 0 ? 0 : 1
}

/** Ctrl-C ends the run in order; a second one at once. */
function stopSignal(): AbortSignal {
  const stopping = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => stopping.abort(new Error(`stopped by ${name}`)))
  return stopping.signal
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  say(`soak failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  return 1
})
