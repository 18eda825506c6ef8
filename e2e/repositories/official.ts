import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { defaultToolCache, spawnLimited } from '@weir/shared/engine'
import { withLock } from '@weir/shared/files'

const exec = promisify(execFile)

/** The module that pins the official command; nothing else is in it. */
const moduleDirectory = path.join(import.meta.dirname, 'kustomize')
const command = 'sigs.k8s.io/kustomize/kustomize/v5'
const flags = ['-trimpath', '-buildvcs=false', '-mod=readonly', '-ldflags=-s -w']

export interface OfficialOptions {
  readonly onProgress?: ((line: string) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/** Path of the official `kustomize`, built with Go once for this go.mod, go.sum, Go version and flags. Throws where Go cannot build it. */
export async function officialBinary({ onProgress, signal }: OfficialOptions = {}): Promise<string> {
  const { stdout: toolchain } = await exec('go', ['env', 'GOVERSION', 'GOOS', 'GOARCH'], { cwd: moduleDirectory, signal })
  const pins = await Promise.all(['go.mod', 'go.sum'].map((name) => readFile(path.join(moduleDirectory, name), 'utf8')))
  const key = createHash('sha256').update(JSON.stringify([...pins, toolchain, ...flags])).digest('hex').slice(0, 32)
  const folder = path.join(defaultToolCache(), 'official-kustomize')
  const binary = path.join(folder, key)
  if (existsSync(binary)) return binary
  await mkdir(folder, { recursive: true })
  await withLock(path.join(folder, 'lock'), async () => {
    if (existsSync(binary)) return
    onProgress?.('building the official kustomize with Go, once')
    const partial = path.join(folder, `partial-${process.pid}`)
    try {
      await exec('go', ['build', ...flags, '-o', partial, command], { cwd: moduleDirectory, signal, env: { ...process.env, CGO_ENABLED: '0' } })
      await rename(partial, binary)
    } finally {
      await rm(partial, { force: true })
    }
  }, { waitMs: 10 * 60_000, ...(signal === undefined ? {} : { signal }) })
  return binary
}

/** What the official command made of a directory: its documents in order, or its last word. */
export type OfficialBuild = { readonly kind: 'built'; readonly documents: readonly string[] } | { readonly kind: 'failed'; readonly message: string }

export interface OfficialRun {
  /** Absolute. */
  readonly directory: string
  /** False: `--load-restrictor LoadRestrictionsNone`, which is how Flux builds. */
  readonly restricted: boolean
  readonly signal: AbortSignal
}

const deadlineMs = 120_000

/**
 * `kustomize build --reorder none DIRECTORY`, without a network (a proxy that is not there; no git on the path) and with a home that
 * is not there: what needs either fails.
 */
export async function buildOfficially(binary: string, { directory, restricted, signal }: OfficialRun): Promise<OfficialBuild> {
  const closed = 'http://127.0.0.1:1'
  const child = spawnLimited({
    program: binary,
    args: ['build', '--reorder', 'none', ...(restricted ? [] : ['--load-restrictor', 'LoadRestrictionsNone']), directory],
    cwd: directory,
    env: { PATH: '/nonexistent', HOME: '/nonexistent', HTTP_PROXY: closed, HTTPS_PROXY: closed },
    memoryBytes: 2 << 30,
    signal: AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]),
  })
  child.stdin.end()
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  const exit = await child.exited
  signal.throwIfAborted()
  if (exit.code === 0) return { kind: 'built', documents: documentsOf(Buffer.concat(chunks).toString('utf8')) }
  const complaint = /^Error: ([\s\S]*)/m.exec(exit.stderr)?.[1] ?? exit.stderr
  return { kind: 'failed', message: complaint.trim() === '' ? `ended by ${exit.signal ?? `code ${exit.code}`}` : complaint.trim() }
}

/** Documents are separated by a line of dashes; inside one, every such line is indented. */
function documentsOf(text: string): readonly string[] {
  return text.split(/^---\n/m).filter((document) => document.trim() !== '')
}
