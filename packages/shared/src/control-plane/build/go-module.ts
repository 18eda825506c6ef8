import { chmod, cp, mkdir, readdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { runGo, type GoRun } from './go.ts'

export interface ModuleQuery extends Omit<GoRun, 'cwd'> {
  /** Folder of the Go module that pins the version. */
  readonly dir: string
}

/** The read-only folder in which Go keeps the files of a module; fetched, and checked against go.sum, if it is not there. Errors as of `runGo`. */
export async function goModuleFolder(name: string, { dir, ...run }: ModuleQuery): Promise<string> {
  const answer = JSON.parse(await runGo(['mod', 'download', '-json', name], { ...run, cwd: dir })) as { readonly Dir: string }
  return answer.Dir
}

export interface ModuleCopy extends ModuleQuery {
  readonly to: string
  /** Contents by path in the module. */
  readonly added: Readonly<Record<string, string>>
}

/** A copy that can be changed, with files added. */
export async function copyModule(name: string, { to, added, ...query }: ModuleCopy): Promise<void> {
  await cp(await goModuleFolder(name, query), to, { recursive: true })
  await makeWritable(to)
  for (const [path, text] of Object.entries(added)) {
    await mkdir(dirname(join(to, path)), { recursive: true })
    await writeFile(join(to, path), text)
  }
}

/** Go keeps folders without the right to write, so nothing could be added, and nothing removed later. */
async function makeWritable(dir: string): Promise<void> {
  await chmod(dir, 0o700)
  const folders = (await readdir(dir, { recursive: true, withFileTypes: true })).filter((entry) => entry.isDirectory())
  for (const { parentPath, name } of folders) await chmod(join(parentPath, name), 0o700)
}
