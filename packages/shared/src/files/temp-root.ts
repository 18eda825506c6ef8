import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { filesError } from './files-error.ts'

/** A private directory that its owner removes. */
export interface TempDir {
  readonly path: string
  /** Safe to call twice; never rejects: what is left goes with the next purge. */
  remove(): Promise<void>
}

/** A place for temporary directories of one process. */
export interface TempRoot {
  readonly path: string
  /** Makes a directory only this user can read. */
  dir(prefix: string): Promise<TempDir>
  /** Removes everything below: what a dead process left behind. Call it before the first `dir`. */
  purge(): Promise<void>
}

/** Temporary directories below `path`, which belongs to one process at a time and is made if missing. */
export async function createTempRoot(path: string): Promise<TempRoot> {
  await mkdir(path, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw filesError(error, 'make the directory for temporary files')
  })
  return {
    path,
    async dir(prefix) {
      try {
        await mkdir(path, { recursive: true, mode: 0o700 }) // a cleaner of temporary files may have taken it
        return ownedDir(await mkdtemp(join(path, `${prefix}-`)))
      } catch (error) {
        throw filesError(error, 'make a temporary directory')
      }
    },
    async purge() {
      const names = await readdir(path).catch((error: unknown) => {
        throw filesError(error, 'list temporary directories')
      })
      for (const name of names) await removeTree(join(path, name))
    },
  }
}

function ownedDir(path: string): TempDir {
  return { path, remove: () => removeTree(path).catch(() => undefined) }
}

/** `rm -rf`, also for directories that were made read-only. */
export async function removeTree(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 3, retryDelay: 20 }).catch((error: unknown) => {
    throw filesError(error, 'remove a directory')
  })
}
