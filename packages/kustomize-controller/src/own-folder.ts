import { lstat, mkdir } from 'node:fs/promises'

/** Makes a folder that only this user may change. Throws where another user was here first: the temporary directory is everybody's. */
export async function makeOwnFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const found = await lstat(folder)
  const isOthers = process.getuid !== undefined && found.uid !== process.getuid()
  if (found.isDirectory() && !isOthers && (found.mode & 0o022) === 0) return
  throw new Error(`${folder} belongs to somebody else, or others may write to it: remove it, or name another folder with --cache-path`)
}
