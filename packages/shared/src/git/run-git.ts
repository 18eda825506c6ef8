import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { simpleGit, type SimpleGitOptions } from 'simple-git'
import type { Access } from './access.ts'
import { classify } from './classify.ts'
import { GitError } from './git-error.ts'

/** One git command. */
export interface GitCommand {
  readonly args: readonly string[]
  /** Directory it runs in. */
  readonly cwd: string
  readonly access?: Access
  /** What on what, for errors: `fetch https://…`. */
  readonly attempt: string
  /** Of performance.now(). */
  readonly endMs: number
  readonly signal?: AbortSignal
  /** Of each file that it writes. */
  readonly maxFileBytes?: number
  /** Git is ended once it has written so much: what there is by then is the answer. Default: 64 MiB are `too-large`. */
  readonly enoughBytes?: number
}

/** Runs git; gives its standard output. GitError with the code of what git said, `timeout`, `aborted`. */
export type RunGit = (command: GitCommand) => Promise<string>

/**
 * The only file that knows simple-git. Beyond it: a deadline over the whole command, an end to the command together with
 * every child of it (git leaves its transport running when it is killed alone), and bounds on what it writes, to files and to us.
 */
export async function createRunGit(options: { readonly dir: string; readonly environment: Readonly<Record<string, string | undefined>> }): Promise<RunGit> {
  const launcher = join(options.dir, 'launch-git.sh')
  await writeFile(launcher, launchScript, { mode: 0o600 })
  return (command) => run(command, launcher, { ...baseEnvironment(options.environment, options.dir), ...childEnvironment(command) })
}

const pidMark = 'weir-git-pid '

/** `exec` keeps the shell's pid, which becomes the id of a new process group. Files past the bound fail with "File too large". */
const launchScript = `echo "${pidMark}$$" >&2
if [ -n "$WEIR_FILE_BLOCKS" ]; then trap '' XFSZ; ulimit -f "$WEIR_FILE_BLOCKS"; fi
if command -v setsid >/dev/null 2>&1; then exec setsid git "$@"; fi
exec perl -e 'setpgrp(0, 0); exec @ARGV or exit 127' git "$@"
`

const inherited = ['PATH', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy', 'SSL_CERT_FILE', 'SSL_CERT_DIR']

function baseEnvironment(ambient: Readonly<Record<string, string | undefined>>, home: string): Record<string, string> {
  const kept = Object.fromEntries(inherited.flatMap((name) => pairOf(name, ambient[name])))
  return {
    PATH: '/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin',
    ...kept,
    HOME: home,
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ALLOW_PROTOCOL: 'http:https:ssh',
    GIT_CEILING_DIRECTORIES: home,
    GIT_OPTIONAL_LOCKS: '0',
  }
}

function pairOf(name: string, value: string | undefined): readonly (readonly [string, string])[] {
  return value === undefined ? [] : [[name, value]]
}

const baseConfig: Access['config'] = [
  // Larger files go through in pieces, and not through git's memory.
  ['core.bigFileThreshold', '16m'],
  ['core.hooksPath', '/dev/null'],
  ['credential.helper', ''],
  ['fetch.recurseSubmodules', 'false'],
  ['fetch.unpackLimit', '1'],
  ['gc.auto', '0'],
  // A dead connection ends by itself, also when nobody is left to end it.
  ['http.lowSpeedLimit', '1000'],
  ['http.lowSpeedTime', '30'],
  ['maintenance.auto', 'false'],
  ['protocol.version', '2'],
  ['safe.directory', '*'],
  ['tar.umask', '0022'],
]

function childEnvironment({ access, maxFileBytes }: GitCommand): Record<string, string> {
  const config = [...baseConfig, ...(access?.config ?? [])]
  const pairs = config.flatMap(([key, value], index) => [
    [`GIT_CONFIG_KEY_${index}`, key],
    [`GIT_CONFIG_VALUE_${index}`, value],
  ])
  return {
    ...access?.environment,
    ...Object.fromEntries(pairs),
    GIT_CONFIG_COUNT: String(config.length),
    ...(maxFileBytes === undefined ? {} : { WEIR_FILE_BLOCKS: String(Math.ceil(maxFileBytes / 512)) }),
  }
}

async function run(command: GitCommand, launcher: string, environment: Record<string, string>): Promise<string> {
  const end = { exitCode: -1, stderr: '' }
  const child = createChild(command)
  const git = simpleGit(simpleGitOptions(command, { launcher, environment, end })).env(environment).outputHandler((_name, stdout, stderr) => {
    // Nobody reads on where it is too much, so that git waits until it is ended.
    stderr.on('data', (chunk: Buffer) => {
      if (child.heard(chunk) === 'floods') stderr.pause()
    })
    stdout.on('data', (chunk: Buffer) => {
      if (child.counted(chunk.byteLength) === 'floods') stdout.pause()
    })
  })
  const stopping = stopAt(command, child)
  try {
    const output = await git.raw([...command.args])
    await stopping.settled()
    const { reason } = stopping
    if (reason === 'enough') return output
    if (reason !== undefined) throw new GitError(reason, `${command.attempt}: ${sentences[reason]}`)
    if (end.exitCode !== 0) throw classify(command.attempt, end.stderr.replace(/^weir-git-pid .*\n/, ''))
    return output
  } finally {
    stopping.release()
  }
}

const sentences = { timeout: 'timed out', aborted: 'aborted', 'too-large': 'the answer exceeds the size limit' } as const

function simpleGitOptions(
  command: GitCommand,
  setup: { readonly launcher: string; readonly environment: Record<string, string>; readonly end: { exitCode: number; stderr: string } },
): Partial<SimpleGitOptions> {
  return {
    baseDir: command.cwd,
    binary: ['/bin/sh', setup.launcher],
    completion: { onClose: true, onExit: false }, // its exit alone does not mean that all of its output was read
    // simple-git takes a command that a signal ended for a success: the verdict is made here, from the exit code.
    errors(error, { exitCode, stdErr }) {
      setup.end.exitCode = exitCode
      setup.end.stderr = Buffer.concat(stdErr).toString()
      return exitCode < 0 && error instanceof Error ? error : undefined // it could not be started at all
    },
    allowEnvironment: Object.keys(setup.environment),
    unsafe: {
      allowUnsafeConfigPaths: true,
      allowUnsafeConfigEnvCount: true,
      allowUnsafeSshCommand: true,
      allowUnsafeTemplateDir: true,
      allowUnsafeAskPass: true,
      allowUnsafeCredentialHelper: true,
      allowUnsafeHooksPath: true,
      allowUnsafeProtocolOverride: true,
      allowUnsafeCustomBinary: true,
    },
  }
}

const maxOutputBytes = 64 << 20

/** A server can make git repeat what it says without end. */
const maxStderrBytes = 1 << 20

/** `floods` once: what is still on its way when the child has ended is read, or its end would not be seen. */
type Flow = 'flows' | 'floods'

interface Child {
  heard(stderr: Buffer): Flow
  counted(stdoutBytes: number): Flow
  /** Resolves when the launcher has said its pid. */
  readonly pid: Promise<number>
  /** Resolves when it has written more than anybody wants. */
  readonly flooded: Promise<'too-large' | 'enough'>
}

function createChild({ enoughBytes }: GitCommand): Child {
  const pid = Promise.withResolvers<number>()
  const flooded = Promise.withResolvers<'too-large' | 'enough'>()
  const state = { head: '', stderrBytes: 0, stdoutBytes: 0 }
  return {
    heard(stderr) {
      if (!state.head.includes('\n')) state.head += stderr.toString()
      const match = /^weir-git-pid (\d+)\n/.exec(state.head)
      if (match !== null) pid.resolve(Number(match[1]))
      const before = state.stderrBytes
      state.stderrBytes += stderr.byteLength
      if (!isPassed(maxStderrBytes, before, state.stderrBytes)) return 'flows'
      flooded.resolve('too-large')
      return 'floods'
    },
    counted(bytes) {
      const before = state.stdoutBytes
      state.stdoutBytes += bytes
      if (!isPassed(enoughBytes ?? maxOutputBytes, before, state.stdoutBytes)) return 'flows'
      flooded.resolve(enoughBytes === undefined ? 'too-large' : 'enough')
      return 'floods'
    },
    pid: pid.promise,
    flooded: flooded.promise,
  }
}

function isPassed(bound: number, before: number, after: number): boolean {
  return before <= bound && after > bound
}

interface Stopping {
  readonly reason: 'timeout' | 'aborted' | 'too-large' | 'enough' | undefined
  /** Resolves when a stop that was begun has ended the whole process group. */
  settled(): Promise<void>
  release(): void
}

function stopAt({ endMs, signal }: GitCommand, child: Child): Stopping {
  const state: { reason: Stopping['reason']; ending: Promise<void> } = { reason: undefined, ending: Promise.resolve() }
  const stop = (reason: NonNullable<Stopping['reason']>): void => {
    if (state.reason !== undefined) return
    state.reason = reason
    state.ending = child.pid.then(endGroup)
  }
  const abort = (): void => stop('aborted')
  const timer = setTimeout(() => stop('timeout'), Math.max(0, endMs - performance.now()))
  signal?.addEventListener('abort', abort, { once: true })
  if (signal?.aborted) abort()
  void child.flooded.then(stop)
  return {
    get reason() {
      return state.reason
    },
    settled: () => state.ending,
    release() {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
    },
  }
}

/**
 * Asks first, so that git removes its lock files, then kills: nothing of the group runs any more when this resolves. Between the launcher's word and
 * the new group there is only the one process: it is ended alone.
 */
async function endGroup(pid: number): Promise<void> {
  if (!signalGroup(pid, 'SIGTERM') && !signal(pid, 'SIGTERM')) return
  // Bounded: a zombie that nobody reaps counts as alive.
  for (let waited = 0; waited < 300; waited += 10) {
    await sleep(10)
    if (!signalGroup(pid, 0) && !signal(pid, 0)) return
  }
  if (!signalGroup(pid, 'SIGKILL')) signal(pid, 'SIGKILL')
}

function signalGroup(pid: number, name: NodeJS.Signals | 0): boolean {
  return signal(-pid, name)
}

function signal(target: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(target, name)
  } catch {
    return false
  }
}
