import type { Tree, TreeManifest } from '@weir/shared/files'
import type { TreeReader } from './closure/tree-reader.ts'

const childrenOf = new WeakMap<TreeManifest, ReadonlyMap<string, readonly string[]>>()

/** A tree as the scanner reads it. The directories' entries are sorted out once a manifest. */
export function readTree(tree: Tree): TreeReader {
  const { manifest } = tree
  return {
    isFile: (path) => manifest.files.has(path),
    isDirectory: (path) => path === '' || manifest.directories.has(path),
    list: (directory) => children(manifest).get(directory) ?? [],
    digest: (path) => manifest.files.get(path),
    // The byte order mark stays: Go's parser decides about it.
    text: async (path) => new TextDecoder('utf-8', { ignoreBOM: true }).decode(await tree.read(path)),
  }
}

function children(manifest: TreeManifest): ReadonlyMap<string, readonly string[]> {
  const kept = childrenOf.get(manifest)
  if (kept !== undefined) return kept
  const lists = new Map<string, string[]>()
  for (const path of [...manifest.files.keys(), ...manifest.directories]) {
    if (path === '') continue
    const slash = path.lastIndexOf('/')
    const parent = slash === -1 ? '' : path.slice(0, slash)
    const names = lists.get(parent)
    if (names === undefined) lists.set(parent, [path.slice(slash + 1)])
    else names.push(path.slice(slash + 1))
  }
  for (const names of lists.values()) names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  childrenOf.set(manifest, lists)
  return lists
}
