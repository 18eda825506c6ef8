import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Plugin } from 'esbuild'

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..')

export interface Bundle {
  /** The program, one CommonJS file: what runs in the image, the demo and the benches. */
  readonly file: string
  /** How to start it: flags of Node that must be set where the process is started. */
  readonly nodeFlags: readonly string[]
  /** To be added to the environment of the process. */
  readonly env: Readonly<Record<string, string>>
}

/** Bundles the command once for each state of the sources, into a folder of its own below `.cache/bundle`. */
export async function bundleWeir(): Promise<Bundle> {
  const folder = path.join(root, '.cache', 'bundle', await digestOfSources())
  const file = path.join(folder, 'weir.cjs')
  if (!existsSync(file)) {
    await makeBundle(folder)
    await removeOld(path.dirname(folder))
  }
  return {
    file,
    // On a machine with much memory V8 lets the heap grow up to fourfold between two collections, by what it measures of its own speed:
    // the same upgrade of 1,000 Kustomizations peaked anywhere between 182 and 251 MiB. And four
    // threads that share the work on a young generation of 4 MiB cost more than they save.
    nodeFlags: ['--max-semi-space-size=4', '--heap-growing-percent=50', '--no-parallel-scavenge', '--disable-warning=ExperimentalWarning'],
    // glibc keeps an arena for each thread and free pages in all of them: a third of a controller's memory was that.
    env: { NODE_COMPILE_CACHE: path.join(folder, 'compiled'), MALLOC_ARENA_MAX: '2', MALLOC_TRIM_THRESHOLD_: '131072' },
  }
}

async function makeBundle(folder: string): Promise<void> {
  const fresh = `${folder}.${process.pid}`
  await mkdir(fresh, { recursive: true })
  await build({
    entryPoints: [path.join(root, 'packages/cli/src/main.ts')],
    outfile: path.join(fresh, 'weir.cjs'),
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    // Names stay as they are: `keepNames` would set the name of every closure each time it is made.
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    logLevel: 'error',
    // CommonJS starts faster than an ES module here; what asks for its own place gets the bundle's, our own sources theirs.
    define: { 'import.meta.url': 'bundleUrl', 'import.meta.dirname': '__dirname', 'import.meta.filename': '__filename' },
    banner: { js: "const bundleUrl = require('node:url').pathToFileURL(__filename).href;" },
    plugins: [placesOfSources(folder), withoutLanguages],
  })
  await writeFile(path.join(fresh, 'package.json'), '{"type":"commonjs"}\n')
  await rename(fresh, folder).catch(async () => rm(fresh, { recursive: true, force: true })) // another process was first
}

const keptMs = 3 * 24 * 60 * 60_000

/** Every edit leaves a bundle behind; one that may still run is younger than this. */
async function removeOld(bundles: string): Promise<void> {
  for (const name of await readdir(bundles)) {
    const folder = path.join(bundles, name)
    const { mtimeMs } = await stat(folder)
    if (Date.now() - mtimeMs > keptMs) await rm(folder, { recursive: true, force: true })
  }
}

/** The bundle stays in the checkout: a source finds what lies there (charts, engines) as if it were not bundled. */
function placesOfSources(folder: string): Plugin {
  return {
    name: 'places of sources',
    setup({ onLoad }) {
      onLoad({ filter: /packages\/[a-z-]+\/src\/.*\.ts$/ }, async ({ path: file }) => {
        const contents = await readFile(file, 'utf8')
        if (!contents.includes('import.meta.dirname')) return undefined
        const place = `require('node:path').join(__dirname, ${JSON.stringify(path.relative(folder, path.dirname(file)))})`
        return { contents: contents.replaceAll('import.meta.dirname', place), loader: 'ts' }
      })
    },
  }
}

/** zod carries its messages in fifty languages; ours are our own. */
const withoutLanguages: Plugin = {
  name: 'without languages',
  setup({ onLoad }) {
    onLoad({ filter: /zod\/v4\/locales\/index\.js$/ }, () => ({ contents: 'export {}', loader: 'js' }))
  },
}

async function digestOfSources(): Promise<string> {
  const hash = createHash('sha256')
  const files = [path.join(root, 'pnpm-lock.yaml'), fileURLToPath(import.meta.url)]
  const packages = path.join(root, 'packages')
  for (const name of (await readdir(packages)).sort()) {
    const source = path.join(packages, name, 'src')
    if (!(await isFolder(source))) continue
    const entries = await readdir(source, { recursive: true })
    files.push(...entries.filter((each) => each.endsWith('.ts') && !each.endsWith('.test.ts')).sort().map((each) => path.join(source, each)))
  }
  for (const file of files) hash.update(path.relative(root, file)).update('\0').update(await readFile(file)).update('\0')
  return hash.digest('hex').slice(0, 16)
}

async function isFolder(file: string): Promise<boolean> {
  return stat(file).then((found) => found.isDirectory(), () => false)
}
