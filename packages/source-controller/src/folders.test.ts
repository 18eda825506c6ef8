import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { mkdir, mkdtemp, rm, stat, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { foldersOf, makeFolders } from './folders.ts'

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'weir-folders-'))
  await mkdir(join(root, 'storage/deep'), { recursive: true })
  await symlink('storage/deep', join(root, 'link-inside'))
  await symlink('.', join(root, 'link-around'))
})
afterEach(() => rm(root, { recursive: true, force: true }))

const make = (storage: string, gitCache: string): Promise<void> => makeFolders({ storage: join(root, storage), gitCache: join(root, gitCache) })

describe('the folders', () => {
  it.each([
    ['the cache inside the storage', 'storage', 'storage/git'],
    ['the cache deep inside the storage', 'storage', 'storage/a/b/git'],
    ['the same folder for both', 'storage', 'storage'],
    ['the same folder in other words', 'storage', 'other/../storage/'],
    ['the storage inside the cache', 'cache/storage', 'cache'],
    ['a link that leads into the storage', 'storage', 'link-inside/git'],
    ['a storage that is reached by a link', 'link-around/storage', 'storage/git'],
    ['a cache that is a link around the storage', 'storage', 'link-around'],
  ])('are refused: %s', async (_what, storage, gitCache) => {
    await expect(make(storage, gitCache)).rejects.toThrow('folders of their own')
  })

  it.each([
    ['beside each other', 'storage', 'git'],
    ['of which one begins as the other', 'storage', 'storage-git'],
    ['far from each other', 'storage', 'a/b/git'],
    ['of which one is a link to elsewhere', 'storage', 'link-around/git'],
  ])('are made: %s', async (_what, storage, gitCache) => {
    await make(storage, gitCache)
    for (const folder of [storage, gitCache]) expect((await stat(join(root, folder))).isDirectory()).toBe(true)
    expect((await stat(join(root, gitCache))).mode & 0o777).toBe(0o700)
  })

  it('have a cache beside the artifacts where no flag names one', () => {
    expect(foldersOf({ 'storage-path': '/data/', 'git-cache-path': '' })).toEqual({ storage: '/data/', gitCache: '/data-git' })
    expect(foldersOf({ 'storage-path': '/data', 'git-cache-path': '/tmp/git' })).toEqual({ storage: '/data', gitCache: '/tmp/git' })
  })
})
