import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** The kustomize engine with a count of its own, for a controller that knows nothing of it. */
export interface TalliedEngine extends AsyncDisposable {
  /** A program that becomes the engine: for `--kustomize-engine`. */
  readonly program: string
  /** Requests that engine processes began with so far, by their own count. Throws when there was no process yet: then nobody counted. */
  requests(): Promise<number>
}

/** `binary`: path of the engine. Each of its processes leaves a file that grows by a byte a request (engines/README.md), also if it is killed. */
export async function tallyEngine(binary: string): Promise<TalliedEngine> {
  const dir = await mkdtemp(path.join(tmpdir(), 'weir-bench-tally-'))
  const program = path.join(dir, 'engine')
  const counts = path.join(dir, 'counts')
  await mkdir(counts)
  // `exec`: no process stands between the controller and the engine, and no memory of one is measured.
  await writeFile(program, `#!/bin/sh\nexec ${quoted(binary)} -tally ${quoted(counts)}\n`, { mode: 0o755 })
  return {
    program,
    async requests() {
      const names = await readdir(counts)
      if (names.length === 0) throw new Error('no engine process has counted anything: builds are unknown')
      const sizes = await Promise.all(names.map(async (name) => (await stat(path.join(counts, name))).size))
      return sizes.reduce((sum, each) => sum + each, 0)
    },
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}
