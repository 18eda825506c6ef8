import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMirrors, type Mirrors } from './mirrors.ts'

let root: string
let mirrors: Mirrors
const inits: string[] = []

const open = (): Promise<Mirrors> => createMirrors({ root, budgetBytes: 1 << 20, init: async (dir) => void inits.push(dir) })
const use = (key: string): Promise<void> => mirrors.use(key, (dir) => writeFile(join(dir, 'pack'), key))

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'weir-mirrors-'))
  inits.length = 0
  mirrors = await open()
})
afterEach(() => rm(root, { recursive: true, force: true }))

describe('mirrors that are not to be kept', () => {
  it('go, and the others stay', async () => {
    await Promise.all([use('a'), use('b'), use('c')])
    await mirrors.keepOnly((key) => key === 'b')
    expect(await readdir(root)).toEqual(['b'])
    expect(['a', 'b', 'c'].map(mirrors.has)).toEqual([false, true, false])
  })

  it('go too when an earlier process left them', async () => {
    await Promise.all([use('a'), use('b')])
    mirrors = await open()
    await mirrors.keepOnly((key) => key === 'b')
    expect(await readdir(root)).toEqual(['b'])
  })

  it.each(['in the middle', 'before it begins'])('go when their last user is done, and not before: %s', async (when) => {
    const release = Promise.withResolvers<void>()
    const begun = Promise.withResolvers<void>()
    const used = mirrors.use('a', async (dir) => {
      begun.resolve()
      await writeFile(join(dir, 'pack'), 'a')
      await release.promise
      return readdir(dir)
    })
    if (when === 'in the middle') await begun.promise
    await mirrors.keepOnly(() => false)
    release.resolve()
    expect(await used).toContain('pack')
    expect(await readdir(root)).toEqual([])
  })

  it('start from an empty one for whoever comes while they go', async () => {
    await use('a')
    const going = mirrors.keepOnly(() => false)
    const files = await mirrors.use('a', (dir) => readdir(dir))
    await going
    expect(files).toEqual(['weir-ready'])
    expect(inits).toHaveLength(2)
    expect(await readdir(root)).toEqual(['a'])
    expect(mirrors.has('a')).toBe(true)
  })

  it('are no reason to fail where there are none', async () => {
    await mkdir(join(root, 'half-made'))
    mirrors = await open()
    await mirrors.keepOnly(() => false)
    expect(await readdir(root)).toEqual([])
  })
})
