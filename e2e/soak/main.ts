import path from 'node:path'
import { print, runCommand, startProgress } from '../command.ts'
import { parseArguments, usage, type SoakArguments } from './arguments.ts'
import { soak } from './soak.ts'

async function run(given: SoakArguments, signal: AbortSignal): Promise<number> {
  const onProgress = startProgress()
  const record = given.record ?? path.join(import.meta.dirname, '../../.cache/soak', `${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}.jsonl`)
  onProgress(`seed ${given.seed}, record ${record}`)
  const report = await soak({ ...given, record, onProgress, signal })
  print(JSON.stringify(report))
  return report.isFlat && report.problems.length === 0 ? 0 : 1
}

process.exitCode = await runCommand({ name: 'soak', usage, parse: parseArguments, run })
