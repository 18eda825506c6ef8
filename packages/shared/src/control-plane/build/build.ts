import { createHash, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { FilesError, withLock } from '@weir/shared/files'
import type { AssetName, Assets } from './assets.ts'
import { ControlPlaneError } from '../control-plane-error.ts'
import { copyModule } from './go-module.ts'
import { noGo, runGo } from './go.ts'
import { defaultCacheDir } from '../options.ts'
import { assetNames, pinnedVersion, programs, wantedGo, type Program } from './programs.ts'

export interface BuildOptions<N extends string = AssetName> {
  /** Default: all of them. */
  readonly only?: readonly N[] | undefined
  /** Folder that keeps what was built. Default: `$XDG_CACHE_HOME/weir` or `~/.cache/weir`. */
  readonly cacheDir?: string | undefined
  /** The Go modules that pin the programs. Default: `e2e/control-plane` of this checkout. */
  readonly modulesDir?: string | undefined
  /** Default: `go` of the search path. */
  readonly go?: string | undefined
  readonly onProgress?: ((line: string) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * The pinned programs, built with Go unless the cache has them for this go.mod, go.sum, Go version and flags. Several
 * processes may ask at once: one builds, the others wait. ControlPlaneError `no-go`, `no-modules`, `build`, `aborted`.
 */
export async function buildControlPlane<N extends AssetName = AssetName>(options: BuildOptions<N> = {}): Promise<Pick<Assets, N>> {
  return buildPrograms<AssetName>(programs, { only: assetNames, ...options, modulesDir: options.modulesDir ?? findModules() })
}

/** Other programs in the same way and into the same cache: those of `table` in the modules below `modulesDir`. Errors as above. */
export async function buildPrograms<N extends string>(
  table: Readonly<Record<N, Program>>,
  options: BuildOptions<N> & { readonly modulesDir: string },
): Promise<Readonly<Record<N, string>>> {
  const all = Object.keys(table) as unknown as readonly N[]
  const { only = all } = options
  const cacheDir = join(resolve(options.cacheDir ?? defaultCacheDir()), 'control-plane')
  const readers = new Map<string, Promise<Module>>()
  const planned = all.filter((name) => only.includes(name)).map(async (name) => {
    const dir = join(resolve(options.modulesDir), table[name].module)
    const module = readers.get(dir) ?? readModule(dir, options)
    readers.set(dir, module)
    return planOf({ name, program: table[name], module: await module, cacheDir })
  })
  const plans = await Promise.all(planned)
  const missing = plans.filter(({ path }) => !existsSync(path))
  if (missing.length > 0) await buildAll(missing, cacheDir, options)
  return Object.fromEntries(plans.map(({ name, path }) => [name, path])) as Record<N, string>
}

/** Upwards from here, as a bundle lies elsewhere than the sources. */
function findModules(): string {
  for (let dir = import.meta.dirname; dir !== dirname(dir); dir = dirname(dir)) {
    const modules = join(dir, 'e2e', 'control-plane')
    if (existsSync(join(modules, 'kubernetes', 'go.mod'))) return modules
  }
  throw new ControlPlaneError('no-modules', 'the Go modules of the control plane are only in a checkout of Weir: run there, or set KUBEBUILDER_ASSETS to a folder with ready binaries')
}

interface Module {
  readonly dir: string
  readonly goMod: string
  readonly goSum: string
  /** Version, system and machine type. */
  readonly toolchain: string
  readonly wanted: string
}

async function readModule(dir: string, { signal, go }: GoSetup): Promise<Module> {
  const [goMod, goSum] = await Promise.all(['go.mod', 'go.sum'].map((name) => readFile(join(dir, name), 'utf8'))).catch((cause: unknown) => {
    throw new ControlPlaneError('no-modules', `${dir} is no Go module with go.mod and go.sum`, { cause })
  })
  if (goMod === undefined || goSum === undefined) throw new Error('unreachable')
  const wanted = wantedGo(goMod)
  const toolchain = await runGo(['env', 'GOVERSION', 'GOHOSTOS', 'GOHOSTARCH'], { cwd: dir, wanted, signal, go })
  const [version = ''] = toolchain.split('\n')
  // Since 1.21 Go itself refuses, or fetches, the toolchain that go.mod wants; older ones just try.
  if (isOlder(version.replace(/^go/, ''), wanted)) throw noGo(wanted, `this machine has ${version.replace(/^go/, '')}`)
  return { dir, goMod, goSum, toolchain, wanted }
}

function isOlder(version: string, than: string): boolean {
  const [a, b] = [version, than].map((text) => text.split('.').map((digits) => Number.parseInt(digits, 10)))
  for (const [index, wanted] of (b ?? []).entries()) {
    const have = a?.[index] ?? 0
    if (have !== wanted) return have < wanted
  }
  return false
}

interface Plan {
  readonly name: string
  readonly path: string
  readonly args: readonly string[]
  readonly program: Program
  readonly module: Module
}

function planOf({ name, program, module, cacheDir }: Pick<Plan, 'name' | 'program' | 'module'> & { readonly cacheDir: string }): Plan {
  const version = pinnedVersion(module.goMod, program.versionOf)
  const args = ['-trimpath', '-buildvcs=false', '-mod=readonly', '-ldflags', program.ldflags(version), program.package]
  const added = program.added === undefined ? [] : [JSON.stringify(program.added)]
  const parts = [module.goMod, module.goSum, module.toolchain, 'CGO_ENABLED=0', ...args, ...added]
  const key = createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16)
  return { name, path: join(cacheDir, `${name}-${version}-${key}`), args, program, module }
}

const otherBuildMs = 60 * 60_000
const partialPrefix = '.partial-'

type GoSetup = Pick<BuildOptions, 'onProgress' | 'signal' | 'go'>

/** One build at a time on a machine: two would only share its cores. */
async function buildAll(plans: readonly Plan[], cacheDir: string, setup: GoSetup): Promise<void> {
  const { onProgress, signal } = setup
  await mkdir(cacheDir, { recursive: true, mode: 0o700 })
  const waiting = setTimeout(() => onProgress?.('waiting for another process that builds the control plane'), 1000)
  const build = async (): Promise<void> => {
    clearTimeout(waiting)
    await removePartials(cacheDir)
    for (const plan of plans) if (!existsSync(plan.path)) await buildOne(plan, setup)
  }
  try {
    await withLock(join(cacheDir, 'lock'), build, { waitMs: otherBuildMs, ...(signal === undefined ? {} : { signal }) })
  } catch (error) {
    if (!(error instanceof FilesError)) throw error
    throw new ControlPlaneError(error.code === 'aborted' ? 'aborted' : 'build', `${cacheDir}: ${error.message}`, { cause: error })
  } finally {
    clearTimeout(waiting)
  }
}

/** What a killed build left; nobody else writes while we hold the lock. */
async function removePartials(cacheDir: string): Promise<void> {
  const names = await readdir(cacheDir)
  await Promise.all(names.filter((name) => name.startsWith(partialPrefix)).map((name) => rm(join(cacheDir, name), { recursive: true, force: true })))
}

const progressEveryMs = 15_000

async function buildOne({ name, path, args, program, module }: Plan, { onProgress, signal, go }: GoSetup): Promise<void> {
  const startMs = performance.now()
  const took = (): string => `${Math.round((performance.now() - startMs) / 1000)} s`
  const partial = join(dirname(path), `${partialPrefix}${randomUUID()}`)
  const copy = `${partial}-module`
  const { wanted } = module
  onProgress?.(`building ${name} with Go, once`)
  const ticker = setInterval(() => onProgress?.(`building ${name} … ${took()}`), progressEveryMs)
  try {
    if (program.added !== undefined) await copyModule(program.versionOf, { dir: module.dir, to: copy, added: program.added, wanted, signal, go })
    await runGo(['build', '-o', partial, ...args], { cwd: program.added === undefined ? module.dir : copy, wanted, signal, go })
    await rename(partial, path)
    onProgress?.(`built ${name} in ${took()}`)
  } finally {
    clearInterval(ticker)
    await Promise.all([partial, copy].map((each) => rm(each, { recursive: true, force: true })))
  }
}
