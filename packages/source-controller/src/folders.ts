import { mkdir, realpath } from 'node:fs/promises'
import { isInside } from '@weir/shared/files'
import type { SourceFlags } from './options.ts'

/** Where this process keeps things on disk. */
export interface Folders {
  /** Of artifacts. */
  readonly storage: string
  /** Of Git: mirrors, and logins while they are used. */
  readonly gitCache: string
}

/** Where no flag names the cache, it is beside the artifacts. */
export function foldersOf(flags: Pick<SourceFlags, 'storage-path' | 'git-cache-path'>): Folders {
  const storage = flags['storage-path']
  return { storage, gitCache: flags['git-cache-path'] || `${storage.replace(/\/+$/, '')}-git` }
}

/**
 * Makes the folders. Throws where one is inside the other, whatever links lead there: what lies in the storage is for anybody
 * to read, and the cache holds what a login may see, and the login itself.
 */
export async function makeFolders({ storage, gitCache }: Folders): Promise<void> {
  for (const folder of [storage, gitCache]) await mkdir(folder, { recursive: true, mode: 0o700 })
  const [realStorage, realCache] = [await realpath(storage), await realpath(gitCache)]
  if (!isInside(realStorage, realCache) && !isInside(realCache, realStorage)) return
  throw new Error(`the Git cache ${realCache} and the artifacts in ${realStorage} must be in folders of their own, not one in the other: see --git-cache-path and --storage-path`)
}
