import { spawn } from 'node:child_process'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'

export interface SpawnOptions {
  /** Absolute path of the program. */
  readonly program: string
  readonly args: readonly string[]
  readonly cwd: string
  /** The whole environment: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>
  /** Data memory (RLIMIT_DATA); unlimited where absent. */
  readonly memoryBytes?: number
  /** CPU time in seconds (RLIMIT_CPU); unlimited where absent. */
  readonly cpuSeconds?: number
  /** Kills the whole group. */
  readonly signal?: AbortSignal | undefined
}

export interface ChildExit {
  readonly code: number | undefined
  /** Name of the signal that ended it (`SIGKILL`). */
  readonly signal: string | undefined
  /** The first and the last 64 KiB of standard error. */
  readonly stderr: string
}

export interface LimitedChild {
  /** 0 where it could not be started. */
  readonly pid: number
  readonly stdin: Writable
  readonly stdout: Readable
  /** Settles once, when the process is gone and its streams are closed; rejects only where it could not be started. */
  readonly exited: Promise<ChildExit>
  /** Ends the process and all that it started. */
  kill(signal?: 'SIGTERM' | 'SIGKILL'): void
}

/**
 * Node cannot set limits on a child, so a shell sets them and becomes the program. The program and its arguments are
 * parameters of the shell, never text of its script. RLIMIT_AS is no use with Go, which reserves address space at will.
 * A limit that cannot be set is one that is lower already.
 */
const limitScript = '[ -z "$1" ] || ulimit -d "$1" 2>/dev/null; [ -z "$2" ] || ulimit -t "$2" 2>/dev/null; shift 2; exec "$@"'

/** Starts a program in a process group of its own, under limits, with an environment made from nothing. */
export function spawnLimited(options: SpawnOptions): LimitedChild {
  const { program, args, cwd, env } = options
  const dataKiB = options.memoryBytes === undefined ? '' : String(Math.ceil(options.memoryBytes / 1024))
  const cpuSeconds = options.cpuSeconds === undefined ? '' : String(Math.ceil(options.cpuSeconds))
  const child = spawn('/bin/sh', ['-c', limitScript, 'sh', dataKiB, cpuSeconds, program, ...args], { cwd, env, detached: true })
  // A child that died leaves a broken pipe behind; `exited` tells why.
  child.stdin.on('error', () => undefined)

  const kill = (signal: 'SIGTERM' | 'SIGKILL' = 'SIGKILL'): void => killGroup(child, signal)
  const abort = (): void => kill()
  options.signal?.addEventListener('abort', abort, { once: true })
  if (options.signal?.aborted === true) abort()
  const exited = exitOf(child).finally(() => options.signal?.removeEventListener('abort', abort))
  return { pid: child.pid ?? 0, stdin: child.stdin, stdout: child.stdout, exited, kill }
}

function killGroup(child: ChildProcessWithoutNullStreams, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch (error) {
    // ESRCH: everyone in the group is gone already.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}

const keptBytes = 64 * 1024

function exitOf(child: ChildProcessWithoutNullStreams): Promise<ChildExit> {
  let head = ''
  let tail = ''
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    const room = keptBytes - head.length
    head += chunk.slice(0, room)
    tail = (tail + chunk.slice(Math.max(0, room))).slice(-keptBytes)
  })
  const { promise, resolve, reject } = Promise.withResolvers<ChildExit>()
  child.once('error', reject)
  child.once('close', (code, signal) => {
    resolve({ code: code ?? undefined, signal: signal ?? undefined, stderr: head + tail })
  })
  return promise
}
