import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { execFileSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMirrors, type Mirrors } from './mirrors.ts'

let root: string
let mirrors: Mirrors
const inits: string[] = []
const stuck: string[] = []

const open = (): Promise<Mirrors> => createMirrors({ root, budgetBytes: 1 << 20, init: async (dir) => void inits.push(dir), stuck: (key) => void stuck.push(key) })
const use = (key: string): Promise<void> => mirrors.use(key, (dir) => writeFile(join(dir, 'pack'), key))

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'weir-mirrors-'))
  inits.length = 0
  stuck.length = 0
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

describe('a mirror that cannot be removed', () => {
  /** Makes it so; gives what undoes it. */
  async function hold(key: string): Promise<() => Promise<void>> {
    const busy = join(root, key, 'busy')
    await mkdir(busy)
    await writeFile(join(busy, 'file'), '')
    if (process.getuid?.() === 0) {
      execFileSync('mount', ['-t', 'tmpfs', 'weir-test', busy], { stdio: 'ignore' })
      return async () => void execFileSync('umount', [busy])
    }
    await chmod(busy, 0o500)
    return () => chmod(busy, 0o700)
  }

  it('fails nobody but those who want it, and is told once', async () => {
    await Promise.all([use('a'), use('b'), use('c')])
    let free: () => Promise<void>
    try {
      free = await hold('a')
    } catch {
      process.stderr.write('skipped: nothing can be mounted here\n')
      return
    }
    try {
      await mirrors.keepOnly((key) => key === 'b')
      expect([(await readdir(root)).sort(), stuck]).toEqual([['a', 'b'], ['a']])
      await use('b')
      expect(await mirrors.makeRoom()).toBe(true)
      await use('d')
      await expect(use('a')).rejects.toThrow()
      expect([(await readdir(root)).sort(), stuck]).toEqual([['a', 'd'], ['a']])
    } finally {
      await free()
    }
    await use('a')
  })

  it('of an earlier process stops nobody from starting', async () => {
    await mkdir(join(root, 'half-made'))
    let free: () => Promise<void>
    try {
      free = await hold('half-made')
    } catch {
      process.stderr.write('skipped: nothing can be mounted here\n')
      return
    }
    try {
      mirrors = await open()
      await use('a')
      expect(stuck).toEqual(['half-made'])
    } finally {
      await free()
    }
  })
})

describe('room on the disk', () => {
  it('is made of all that nobody uses', async () => {
    await Promise.all([use('a'), use('b')])
    await mirrors.use('c', async () => {
      expect(await mirrors.makeRoom()).toBe(true)
      expect(await readdir(root)).toEqual(['c'])
      expect(await mirrors.makeRoom()).toBe(false)
    })
  })

  it('is not taken by what a failed use left', async () => {
    const failing = mirrors.use('a', async (dir) => {
      await mkdir(join(dir, 'objects/pack'), { recursive: true })
      for (const name of ['objects/pack/tmp_pack_x', 'shallow.lock', 'objects/pack/a.pack']) await writeFile(join(dir, name), 'half')
      throw new Error('no space left')
    })
    await expect(failing).rejects.toThrow('no space left')
    expect((await readdir(join(root, 'a'), { recursive: true })).sort()).toEqual(['objects', 'objects/pack', 'objects/pack/a.pack', 'weir-ready'])
  })
})
