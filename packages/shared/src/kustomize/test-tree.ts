import { digestOf } from '@weir/shared/files'
import type { Tree } from '@weir/shared/files'

/** A tree in memory, for tests. */
export function treeOf(files: Readonly<Record<string, string>>): Tree & { reads(): number } {
  const entries = Object.entries(files)
  const directories = new Set([''])
  for (const path of Object.keys(files)) {
    for (let at = path.indexOf('/'); at !== -1; at = path.indexOf('/', at + 1)) directories.add(path.slice(0, at))
  }
  let reads = 0
  return {
    digest: digestOf(JSON.stringify(entries.toSorted())),
    manifest: { files: new Map(entries.map(([path, text]) => [path, digestOf(text)] as const)), directories },
    reads: () => reads,
    release: () => undefined,
    async read(path) {
      reads += 1
      const text = files[path]
      if (text === undefined) throw new Error(`read of ${path}, which is not there`)
      return Buffer.from(text)
    },
  }
}
