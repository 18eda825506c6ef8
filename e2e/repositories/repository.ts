import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { openCheckout, type Checkout } from './checkout.ts'
import { judgeDirectory, type Equipment, type Judged } from './directory.ts'
import { faultsOfEdits } from './incremental.ts'
import { officialBinary } from './official.ts'
import { startFallback, startService, type OurBuilder } from './ours.ts'
import { countVerdicts, table, type RepositoryResult } from './report.ts'

export interface RunOptions {
  /** Chooses which files are edited. */
  readonly seed: string
  /** This directory of each repository alone. */
  readonly only?: string | undefined
  readonly onProgress: (line: string) => void
  readonly signal: AbortSignal
}

/** One repository after the other; what was started and written ends with it, however it ends. */
export async function runRepositories(directories: readonly string[], options: RunOptions): Promise<readonly RepositoryResult[]> {
  const official = await officialBinary(options)
  await using left = new AsyncDisposableStack()
  const temp = await mkdtemp(path.join(tmpdir(), 'weir-repositories-'))
  left.defer(() => rm(temp, { recursive: true, force: true }))
  const results: RepositoryResult[] = []
  for (const [index, directory] of directories.entries()) {
    const copyRoot = path.join(temp, String(index))
    await mkdir(copyRoot)
    const checkout = await openCheckout(directory, copyRoot, options.signal)
    const result = await runRepository(checkout, { ...options, official, temp })
    results.push(result)
    for (const line of table([result]).split('\n')) options.onProgress(line)
    await rm(copyRoot, { recursive: true, force: true })
  }
  return results
}

async function runRepository(checkout: Checkout, { official, temp, ...options }: RunOptions & { readonly official: string; readonly temp: string }): Promise<RepositoryResult> {
  const { onProgress, signal, only } = options
  await using left = new AsyncDisposableStack()
  const service = await startService(signal)
  left.defer(() => service.close())
  const fallback = await startFallback(temp, signal)
  left.defer(() => fallback.close())
  const equipment: Equipment = { official, builders: [service, fallback], signal }
  const directories = checkout.directories.filter((directory) => only === undefined || directory === only)
  onProgress(`${checkout.name}: ${directories.length} directories`)
  const judged: Judged[] = []
  let edits = 0
  for (const directory of directories) {
    const before = await judgeDirectory(checkout, directory, equipment)
    const after = await afterEdits(before, { checkout, service, equipment, options })
    edits += after.edits
    judged.push(after.judged)
    tell(after.judged, { onProgress, done: judged.length, of: directories.length })
  }
  const warm = judged.reduce((total, { warmEngineBuilds }) => total + warmEngineBuilds, 0)
  return {
    repository: checkout.name, commit: checkout.commit, ...countVerdicts(judged), edits,
    engineBuilds: service.engineBuilds() + fallback.engineBuilds(), warmEngineBuilds: warm,
  }
}

interface Editing {
  readonly checkout: Checkout
  readonly service: OurBuilder
  readonly equipment: Equipment
  readonly options: RunOptions
}

async function afterEdits(judged: Judged, { checkout, service, equipment, options }: Editing): Promise<{ readonly judged: Judged; readonly edits: number }> {
  const { verdict, directory } = judged
  if (verdict.kind !== 'equal') return { judged, edits: 0 }
  const { faults, edits } = await faultsOfEdits({ checkout, directory, asked: verdict.asked, seed: `${options.seed} ${directory}` }, service, equipment)
  return { edits, judged: faults.length === 0 ? judged : { ...judged, verdict: { kind: 'differs', why: faults } } }
}

interface Progress {
  readonly onProgress: (line: string) => void
  readonly done: number
  readonly of: number
}

/** What differs is told at once, the rest now and then. */
function tell({ directory, verdict, failed }: Judged, { onProgress, done, of }: Progress): void {
  if (verdict.kind === 'differs') for (const why of verdict.why) onProgress(`  DIFFERS ${directory || '.'}: ${why}`)
  if (verdict.kind === 'failed') onProgress(`  both failed ${directory || '.'}: ${failed?.message.slice(0, 300) ?? ''}`)
  if (verdict.kind === 'refused') onProgress(`  refused ${directory || '.'}: ${verdict.rule}`)
  if (verdict.kind === 'equal' && verdict.ways.length > 0) onProgress(`  equal ${directory || '.'}: ${verdict.ways.join(', ')}`)
  if (done % 25 === 0 || done === of) onProgress(`  ${done} of ${of}`)
}
