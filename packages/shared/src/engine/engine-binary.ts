import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { access, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { withLock } from '@weir/shared/files'
import { EngineError } from './engine-error.ts'
import { defaultToolCache } from './tools.ts'
import type { ToolOptions } from './tools.ts'

export interface EngineBinaryOptions extends ToolOptions {
  /** The Go module. Default: `engines/` of this checkout. */
  readonly source?: string
}

const buildFlags = ['-trimpath', '-buildvcs=false', '-ldflags=-s -w', '-mod=readonly']
const buildWaitMs = 10 * 60_000

/**
 * Path of the kustomize service, built with Go once for this source, Go version and flags. Throws EngineError
 * `unavailable`, with a sentence that says what to install, where it cannot be built.
 */
export async function kustomizeEngineBinary(options: EngineBinaryOptions = {}): Promise<string> {
  const { source = path.resolve(import.meta.dirname, '../../../../engines'), cache = defaultToolCache(), log, signal } = options
  const goVersion = (await runGo(['env', 'GOVERSION', 'GOOS', 'GOARCH'], { cwd: source, signal })).trim()
  const key = await digestOfSource(source, goVersion)
  const directory = path.join(cache, `engines-${key.slice(0, 32)}`)
  const binary = path.join(directory, 'kustomize')
  if (await exists(binary)) return binary
  await mkdir(directory, { recursive: true })
  await withLock(`${directory}.lock`, async () => {
    if (await exists(binary)) return
    log?.info('building the kustomize engine with Go, once', { goVersion: goVersion.split('\n')[0] })
    await buildInto(binary, source, signal)
  }, { waitMs: buildWaitMs, ...(signal === undefined ? {} : { signal }) })
  return binary
}

async function buildInto(binary: string, source: string, signal: AbortSignal | undefined): Promise<void> {
  const partial = `${binary}.partial-${process.pid}`
  try {
    await runGo(['build', ...buildFlags, '-o', partial, './kustomize'], { cwd: source, signal })
    await rename(partial, binary)
  } finally {
    await rm(partial, { force: true })
  }
}

/** Everything under the module counts: file names and contents, in order. */
async function digestOfSource(source: string, goVersion: string): Promise<string> {
  const entries = await readdir(source, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name)).toSorted()
  if (files.length === 0) throw new EngineError('unavailable', 'the Go module of the kustomize engine is not here')
  const hash = createHash('sha256').update(`${goVersion}\0${buildFlags.join(' ')}\0`)
  for (const file of files) {
    const content = await readFile(file)
    hash.update(`${path.relative(source, file)}\0${content.length}\0`).update(content)
  }
  return hash.digest('hex')
}

interface GoRun {
  readonly cwd: string
  readonly signal: AbortSignal | undefined
}

/** Go keeps the caller's environment: its proxy, caches and toolchain are the machine's business. */
async function runGo(args: readonly string[], { cwd, signal }: GoRun): Promise<string> {
  const child = spawn('go', args, { cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  const kill = (): void => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL')
  }
  signal?.addEventListener('abort', kill, { once: true })
  let out = ''
  let complaint = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => { out += text })
  child.stderr.setEncoding('utf8').on('data', (text: string) => { complaint = (complaint + text).slice(-4096) })
  const { promise, resolve, reject } = Promise.withResolvers<number | null>()
  child.once('error', (cause) => {
    reject(new EngineError('unavailable', 'the kustomize engine is built with Go: install Go 1.24 or newer (https://go.dev/dl)', { cause }))
  })
  child.once('close', resolve)
  const code = await promise.finally(() => signal?.removeEventListener('abort', kill))
  if (signal?.aborted === true) throw new EngineError('aborted', 'the build of the kustomize engine was given up')
  if (code !== 0) throw new EngineError('unavailable', `go ${args[0]} failed for the kustomize engine: ${complaint.trim()}`)
  return out
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(() => true, () => false)
}
