import { afterEach, describe, expect, it } from '@jest/globals'
import { chmod, mkdir, mkdtemp, rm, stat, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { makeOwnFolder } from './own-folder.ts'

const made: string[] = []
afterEach(async () => {
  for (const folder of made.splice(0)) await rm(folder, { recursive: true, force: true })
})
async function place(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-own-folder-'))
  made.push(folder)
  return folder
}

describe('makeOwnFolder', () => {
  it('makes a folder for this user alone, and takes it again', async () => {
    const folder = path.join(await place(), 'cache')
    await makeOwnFolder(folder)
    expect((await stat(folder)).mode & 0o777).toBe(0o700)
    await makeOwnFolder(folder)
  })

  it('refuses a link, and a folder that others may write to', async () => {
    const root = await place()
    const open = path.join(root, 'open')
    await mkdir(open)
    await chmod(open, 0o777)
    await symlink(await place(), path.join(root, 'link'))
    await expect(makeOwnFolder(open)).rejects.toThrow('--cache-path')
    await expect(makeOwnFolder(path.join(root, 'link'))).rejects.toThrow('--cache-path')
  })
})
