import { appendFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { ConfigSource } from '@weir/shared/kube'
import { isFields, type Fields } from '@weir/shared/manifest'
import { connect } from '../connection/connect.ts'
import type { ExitCode } from '../exit-codes.ts'
import { printable } from '../printable.ts'
import { runControllers } from '../run.ts'
import type { World } from '../world.ts'
import { showProgress } from './progress.ts'
import { logName } from './work-folder.ts'

export interface ControllersRequest {
  readonly connection: ConfigSource
  /** Artifacts, caches and the log go below it. */
  readonly folder: string
  /** Later flags win: what the person gave comes last. */
  readonly argv: readonly string[]
  /** Where the leases are. */
  readonly namespace: string
  onReady(): void
}

/** Both controllers in this process, and what they do to the objects as lines, until Ctrl-C or until they cannot go on. */
export async function runBoth({ connection, folder, argv, namespace, onReady }: ControllersRequest, world: World): Promise<ExitCode> {
  const { terminal, env, stop } = world
  const logFile = join(folder, logName)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  terminal.tell(`The log of the controllers is ${logFile}`)
  const { kube } = await connect(connection)
  const ended = new AbortController()
  const progress = showProgress(kube, world, AbortSignal.any([stop, ended.signal]))
  try {
    return await runControllers({
      controllers: ['source-controller', 'kustomize-controller'],
      // Probes and metrics would need ports that a person may use for something else.
      argv: [`--storage-path=${join(folder, 'artifacts')}`, '--storage-addr=127.0.0.1:0', '--health-addr=0', '--metrics-addr=0', `--cache-path=${join(folder, 'cache')}`, ...argv],
      env: { ...env, RUNTIME_NAMESPACE: namespace },
      connection: () => connection,
      say: (message) => terminal.tell(`weir up: ${message}`),
      stop,
      writeLog: (line) => writeLog(line, { logFile, tell: terminal.tell }),
      onReady,
    })
  } finally {
    ended.abort()
    await progress
    await kube.close()
  }
}

/** Everything to the file; what a person should act on to the terminal too, unless an object says it and is shown anyway. */
function writeLog(line: string, { logFile, tell }: { readonly logFile: string; readonly tell: (text: string) => void }): void {
  appendFileSync(logFile, line)
  const trouble = line.includes('"level":"error"') ? parseLine(line) : undefined
  if (trouble === undefined || trouble['controllerKind'] !== undefined) return
  const words = [trouble['msg'], trouble['error']].filter((word) => typeof word === 'string')
  tell(printable(words.join(': ')))
}

function parseLine(line: string): Fields | undefined {
  try {
    const parsed: unknown = JSON.parse(line)
    return isFields(parsed) ? parsed : undefined
  } catch {
    return undefined // another log format was asked for
  }
}
