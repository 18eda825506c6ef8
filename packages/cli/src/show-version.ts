import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { apiVersionOf, gitRepositoryKind, kustomizationKind } from '@weir/shared/api'
import { defaultToolCache } from '@weir/shared/engine'
import { exitCodes, type ExitCode } from './exit-codes.ts'
import { readGoBuild } from './go-build.ts'
import { version } from './version.ts'
import type { World } from './world.ts'

/** The kinds that Weir's controllers reconcile. */
const servedKinds = [gitRepositoryKind, kustomizationKind]
const kustomizeLibrary = 'sigs.k8s.io/kustomize/api'

interface EngineVersion {
  readonly kustomize: string
  readonly go: string
}

/** `weir version`: program, engines, APIs. */
export async function showVersion(output: 'text' | 'json', { terminal, env }: World): Promise<ExitCode> {
  const engine = await findEngine(env['KUSTOMIZE_ENGINE'])
  const apis = servedKinds.map((kind) => ({ apiVersion: apiVersionOf(kind), kind: kind.kind }))
  const program = { weir: version, node: process.versions.node, platform: `${process.platform}/${process.arch}` }
  if (output === 'json') {
    terminal.print(JSON.stringify({ ...program, engine: engine ?? null, apis }, undefined, 2))
    return exitCodes.ok
  }
  const lines = [
    ['weir', `${version} (Node ${program.node}, ${program.platform})`],
    ['kustomize', engine === undefined ? 'not built yet: it is built with Go when a controller first needs it' : `${engine.kustomize}, built with ${engine.go}`],
    ...apis.map(({ apiVersion, kind }) => ['API', `${apiVersion} ${kind}`]),
  ]
  for (const [name = '', value = ''] of lines) terminal.print(`${name.padEnd(11)}${value}`)
  return exitCodes.ok
}

/** The engine itself knows best: what it is made of is read from the program, the latest in the cache unless one is named. */
async function findEngine(named: string | undefined): Promise<EngineVersion | undefined> {
  const path = named || (await latestEngine(defaultToolCache()))
  const build = path === undefined ? undefined : await readGoBuild(path)
  return build && { kustomize: build.modules.get(kustomizeLibrary) ?? 'unknown', go: build.go }
}

async function latestEngine(cache: string): Promise<string | undefined> {
  const names = await readdir(cache).catch(() => [])
  const paths = names.filter((name) => name.startsWith('engines-') && !name.endsWith('.lock')).map((name) => join(cache, name, 'kustomize'))
  const built = await Promise.all(paths.map((path) => stat(path).then(({ mtimeMs }) => [{ path, mtimeMs }], () => [])))
  return built.flat().toSorted((a, b) => b.mtimeMs - a.mtimeMs)[0]?.path
}
