import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { buildPrograms, goModuleFolder, type Installable, type Program } from '@weir/shared/control-plane'
import { parseYamlDocuments } from '@weir/shared/manifest'

/** Paths of the programs. */
export interface FluxPrograms {
  readonly sourceController: string
  readonly kustomizeController: string
  readonly cli: string
}

export interface FluxProgramsOptions {
  readonly onProgress?: ((line: string) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

const stripped = '-s -w'
const sourceModule = 'github.com/fluxcd/source-controller'
const kustomizeModule = 'github.com/fluxcd/kustomize-controller'
const cliModule = 'github.com/fluxcd/flux2/v2'

type ProgramName = 'flux-source-controller' | 'flux-kustomize-controller' | 'flux'

const table: Readonly<Record<ProgramName, Program>> = {
  'flux-source-controller': { module: 'source-controller', package: sourceModule, versionOf: sourceModule, ldflags: () => stripped },
  'flux-kustomize-controller': { module: 'kustomize-controller', package: kustomizeModule, versionOf: kustomizeModule, ldflags: () => stripped },
  flux: {
    module: 'cli',
    package: './cmd/flux',
    versionOf: cliModule,
    ldflags: (version) => `${stripped} -X main.VERSION=${version.replace(/^v/, '')}`,
    // It embeds a folder that its own build generates. What would be in there is only read by `install` and `bootstrap`.
    added: { 'cmd/flux/manifests/none.yaml': '' },
  },
}

/** What is missing is built, one after the other. ControlPlaneError `no-go`, `no-modules`, `build`, `aborted`. */
export async function fluxPrograms({ onProgress, signal }: FluxProgramsOptions = {}): Promise<FluxPrograms> {
  const paths = await buildPrograms(table, { modulesDir: import.meta.dirname, onProgress, signal })
  return { sourceController: paths['flux-source-controller'], kustomizeController: paths['flux-kustomize-controller'], cli: paths.flux }
}

/** All definitions that the two controllers watch, as the pinned modules have them. */
export async function fluxDefinitions(signal?: AbortSignal): Promise<readonly Installable[]> {
  const folders = await Promise.all([
    goModuleFolder(sourceModule, { dir: path.join(import.meta.dirname, 'source-controller'), wanted: '1.26.0', signal }),
    goModuleFolder(kustomizeModule, { dir: path.join(import.meta.dirname, 'kustomize-controller'), wanted: '1.26.0', signal }),
  ])
  const read = await Promise.all(folders.map((folder) => readDefinitions(path.join(folder, 'config/crd/bases'))))
  return read.flat()
}

async function readDefinitions(dir: string): Promise<readonly Installable[]> {
  const texts = await Promise.all((await readdir(dir)).sort().map((name) => readFile(path.join(dir, name), 'utf8')))
  return texts.flatMap((text) => parseYamlDocuments(text, { dialect: 'kyaml' }) as readonly Installable[])
}
