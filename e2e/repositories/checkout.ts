import { execFile } from 'node:child_process'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { digestOf, extractTar, FilesError, packTree, type Tree } from '@weir/shared/files'

/** A checkout of somebody's repository, which is only read, and a copy of it as a consumer of its artifact has it. */
export interface Checkout {
  readonly name: string
  /** `none` where the directory is no Git checkout. */
  readonly commit: string
  /** Absolute. */
  readonly root: string
  /** Where the copy lies: no links, nothing of Git. */
  readonly copyRoot: string
  /** Directories with a kustomization file, sorted; `''` is the root. */
  readonly directories: readonly string[]
  /** The copy as it is now; an edit makes another tree. */
  tree(): Tree
  /** Text of a file of the copy. */
  text(file: string): Promise<string>
  /** Changes one file of the copy while `run` runs, and puts back what was there. */
  edited<T>(file: string, change: (text: string) => string, run: () => Promise<T>): Promise<T>
}

const kustomizationNames = new Set(['kustomization.yaml', 'kustomization.yml', 'Kustomization'])

/** Packs and unpacks a checkout the way an artifact goes, into `copyRoot`, an empty directory. FilesError for a tree that no artifact can hold. */
export async function openCheckout(directory: string, copyRoot: string, signal: AbortSignal): Promise<Checkout> {
  const root = path.resolve(directory)
  const keep = (file: string): boolean => file !== '.git' && !file.startsWith('.git/')
  const { files, directories } = await extractTar(packTree(root, { keep, signal }), copyRoot, { signal })
  const state = { files: new Map(files), edits: 0 }
  const textOf = (file: string): Promise<string> => readFile(path.join(copyRoot, file), 'utf8')
  const write = async (file: string, content: string | Buffer): Promise<void> => {
    await writeFile(path.join(copyRoot, file), content)
    state.files = new Map([...state.files, [file, digestOf(content)]])
    state.edits += 1
  }
  return {
    name: path.basename(root),
    commit: await commitOf(root),
    root,
    copyRoot,
    directories: await kustomizedDirectories(root),
    text: textOf,
    tree: () => treeOf(copyRoot, { files: state.files, directories }, state.edits),
    async edited(file, change, run) {
      const before = await readFile(path.join(copyRoot, file))
      await write(file, change(before.toString('utf8')))
      try {
        return await run()
      } finally {
        await write(file, before)
      }
    },
  }
}

function treeOf(root: string, manifest: Tree['manifest'], edits: number): Tree {
  return {
    manifest,
    digest: digestOf(`${root} ${edits}`),
    release: () => undefined,
    async read(file) {
      if (!manifest.files.has(file)) throw new FilesError('not-found', `${file} is not in the tree`, { path: file })
      return readFile(path.join(root, file))
    },
  }
}

/** A link that is called like a kustomization file counts: the official command follows it. */
async function kustomizedDirectories(root: string): Promise<readonly string[]> {
  const found = new Set<string>()
  const walk = async (relative: string): Promise<void> => {
    for (const entry of await readdir(path.join(root, relative), { withFileTypes: true })) {
      if (entry.isDirectory()) {
        if (entry.name !== '.git') await walk(path.join(relative, entry.name))
      } else if (kustomizationNames.has(entry.name)) found.add(relative)
    }
  }
  await walk('')
  return [...found].toSorted()
}

async function commitOf(root: string): Promise<string> {
  const asked = await promisify(execFile)('git', ['-C', root, 'rev-parse', 'HEAD']).catch(() => undefined)
  return asked?.stdout.trim() ?? 'none'
}
