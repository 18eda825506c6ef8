import { spawn } from 'node:child_process'
import { ControlPlaneError } from '../control-plane-error.ts'
import { goEnvironment } from '../options.ts'
import { killGroup } from '../processes/process-table.ts'

export interface GoRun {
  /** Folder of the module. */
  readonly cwd: string
  /** From its go.mod: `1.26.0`. */
  readonly wanted: string
  readonly signal?: AbortSignal | undefined
  /** Default: `go` of the search path. */
  readonly go?: string | undefined
}

/** Runs `go` and resolves with what it printed. ControlPlaneError `no-go`, `build`, `aborted`. */
export async function runGo(args: readonly string[], { cwd, wanted, signal, go = 'go' }: GoRun): Promise<string> {
  if (signal?.aborted) throw new ControlPlaneError('aborted', 'the build was given up')
  const child = spawn(go, args, { cwd, env: goEnvironment(), detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  const kill = (): void => {
    if (child.pid !== undefined && child.exitCode === null) killGroup(child.pid, 'SIGKILL')
  }
  signal?.addEventListener('abort', kill, { once: true })
  const output = { out: '', error: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.error = (output.error + text).slice(-8192)))
  const { promise, resolve, reject } = Promise.withResolvers<number | null>()
  child.once('error', (cause) => reject(noGo(wanted, 'this machine has none', cause)))
  child.once('close', resolve)
  const code = await promise.finally(() => signal?.removeEventListener('abort', kill))
  if (signal?.aborted) throw new ControlPlaneError('aborted', 'the build was given up')
  if (code === 0) return output.out
  throw failure(output.error, args, wanted)
}

/** A toolchain that can be neither used nor fetched names itself: "go.mod requires go >= 1.26.0 (running go 1.22.2; …". */
function failure(complaint: string, args: readonly string[], wanted: string): ControlPlaneError {
  const running = /running go ([\d.]+)/.exec(complaint)?.[1]
  if (running !== undefined) return noGo(wanted, `this machine has ${running}`)
  if (/toolchain not available|unknown directive: tool|invalid go version/.test(complaint)) return noGo(wanted, 'this machine has an older one')
  const advice = /dial tcp|i\/o timeout|no such host|connection refused|proxyconnect/.test(complaint) ? ' (is the Go module proxy reachable?)' : ''
  return new ControlPlaneError('build', `go ${args[0]} failed${advice}: ${complaint.trim()}`)
}

export function noGo(wanted: string, instead: string, cause?: unknown): ControlPlaneError {
  const message = `the control plane is built with Go ${wanted} or newer and ${instead}: install it from https://go.dev/dl`
  return new ControlPlaneError('no-go', message, cause === undefined ? undefined : { cause })
}
