import { partialPrefix } from '@weir/shared/files'

/** Whose artifacts: `kind` in any case, stored in lower case. */
export interface Owner {
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

/** First part of every path in the store: the kinds that have artifacts (contract 2.4). */
export const kindFolders: ReadonlySet<string> = new Set(['bucket', 'externalartifact', 'gitrepository', 'helmchart', 'helmrepository', 'ocirepository'])

/** `<lower kind>/<namespace>/<name>` (contract 2.4). */
export function folderOf({ kind, namespace, name }: Owner): string {
  const folder = kind.toLowerCase()
  if (!kindFolders.has(folder)) throw new Error(`${JSON.stringify(kind)} is no kind that has artifacts`)
  return [folder, namespace, name].map(checkedPart).join('/')
}

/** Object names cannot hold these; a bug elsewhere must not become a path. */
export function checkedPart(part: string): string {
  if (part === '' || part.startsWith('.') || /[/\\\u0000-\u001f]/.test(part)) throw new Error(`${JSON.stringify(part)} is no part of an artifact's path`)
  return part
}

/** Depth of the folders that hold artifacts. */
export const ownerDepth = 3

/**
 * What the store may keep at a path below its root, given in parts: folders down to that of an object, and files in there.
 * undefined: nothing of its own, whatever lies there.
 */
export function placeOf(parts: readonly string[]): 'folder' | 'file' | undefined {
  const [kind] = parts
  if (kind === undefined) return 'folder'
  if (!kindFolders.has(kind) || parts.length > ownerDepth + 1 || parts.some((part) => part === '' || part.startsWith('.'))) return undefined
  const file = parts[ownerDepth]
  if (file === undefined) return 'folder'
  return isTransient(file) ? undefined : 'file'
}

/** Half-written files and locks. */
export function isTransient(name: string): boolean {
  return name.startsWith(partialPrefix) || name.endsWith('.lock')
}
