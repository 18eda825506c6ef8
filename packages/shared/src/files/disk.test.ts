import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { execFileSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTempRoot, digestFile, digestOf, insidePath, parseDigest, secureJoin, withLock, writeAtomic } from '@weir/shared/files'

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'weir-disk-'))
})
afterEach(() => rm(root, { recursive: true, force: true }))

describe('secureJoin', () => {
  it('joins what stays inside, existing or not', async () => {
    await mkdir(join(root, 'a'))
    expect(await secureJoin(root, './a/../b//c')).toBe(join(root, 'b/c'))
    expect(await secureJoin(root, '')).toBe(root)
  })

  it.each(['/etc', '..', 'a/../..', '../x'])('refuses %s', async (path) => {
    await expect(secureJoin(root, path)).rejects.toMatchObject({ code: 'escapes' })
  })

  it('refuses links that lead out, dangle or turn in circles, and follows those inside', async () => {
    await mkdir(join(root, 'real'))
    await symlink('/etc', join(root, 'out'))
    await symlink('/nowhere/at/all', join(root, 'dangling'))
    await symlink('circle', join(root, 'circle'))
    await symlink('real', join(root, 'in'))
    for (const path of ['out', 'out/passwd', 'dangling', 'dangling/x', 'circle/x']) {
      await expect(secureJoin(root, path)).rejects.toMatchObject({ code: 'escapes' })
    }
    expect(await secureJoin(root, 'in/new')).toBe(join(root, 'in/new'))
  })

  it('refuses NUL bytes', () => {
    expect(() => insidePath('a\0b')).toThrow(expect.objectContaining({ code: 'unsafe-entry' }))
  })
})

describe('writeAtomic', () => {
  it('writes, replaces and leaves no partial file', async () => {
    const path = join(root, 'x/y/file')
    await writeAtomic(path, 'one')
    await writeAtomic(path, (async function* () { yield Buffer.from('t'); yield Buffer.from('wo') })(), { mode: 0o640 })
    expect(await readFile(path, 'utf8')).toBe('two')
    expect((await stat(path)).mode & 0o777).toBe(0o640)
    expect(await readdir(join(root, 'x/y'))).toEqual(['file'])
  })

  it('keeps the old content when the source fails, and says what the source said', async () => {
    const path = join(root, 'file')
    await writeAtomic(path, 'old')
    const cut = new Error('cut')
    const failing = (async function* (): AsyncGenerator<Buffer> { yield Buffer.from('new'); throw cut })()
    await expect(writeAtomic(path, failing)).rejects.toBe(cut)
    expect(await readFile(path, 'utf8')).toBe('old')
    expect(await readdir(root)).toEqual(['file'])
  })

  it('says full on a full disk and read-only on a read-only one, and leaves nothing', async () => {
    const disk = mountSmallDisk(join(root, 'disk'))
    if (disk === undefined) return sayWhySkipped('tmpfs cannot be mounted here')
    try {
      await writeAtomic(join(disk.path, 'kept'), 'small')
      await expect(writeAtomic(join(disk.path, 'big'), Buffer.alloc(1 << 20, 1))).rejects.toMatchObject({ code: 'full' })
      expect(await readdir(disk.path)).toEqual(['kept'])
      disk.readOnly()
      await expect(writeAtomic(join(disk.path, 'other'), 'x')).rejects.toMatchObject({ code: 'read-only' })
    } finally {
      disk.unmount()
    }
  })
})

describe('withLock', () => {
  it('lets one in at a time', async () => {
    const path = join(root, 'lock')
    const state = { inside: 0, most: 0 }
    const enter = (): Promise<void> =>
      withLock(path, async () => {
        state.most = Math.max(state.most, ++state.inside)
        await new Promise((resolve) => setTimeout(resolve, 5))
        state.inside -= 1
      })
    await Promise.all([enter(), enter(), enter()])
    expect(state).toEqual({ inside: 0, most: 1 })
    expect(await readdir(root)).toEqual([])
  })

  it.each([
    ['a dead process', '999999999 some-token'],
    ['an earlier process with our pid', `${process.pid} another-token`],
  ])('takes over the lock of %s', async (_whose, text) => {
    const path = join(root, 'lock')
    await writeFile(path, text)
    expect(await withLock(path, async () => 'in')).toBe('in')
  })

  it('gives up on a lock that is held', async () => {
    const path = join(root, 'lock')
    await writeFile(path, '1 of-init')
    await expect(withLock(path, async () => 'in', { waitMs: 50 })).rejects.toMatchObject({ code: 'denied' })
    expect(await readFile(path, 'utf8')).toBe('1 of-init')
  })

  it('leaves no lock and no open file on a full disk', async () => {
    const disk = mountSmallDisk(join(root, 'disk'))
    if (disk === undefined) return sayWhySkipped('tmpfs cannot be mounted here')
    try {
      await writeFile(join(disk.path, 'filling'), Buffer.alloc(1 << 20, 1)).catch(() => undefined)
      await expect(withLock(join(disk.path, 'lock'), async () => 'in')).rejects.toMatchObject({ code: 'full' })
      expect(await readdir(disk.path)).toEqual(['filling'])
      const targets = await Promise.all((await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')))
      expect(targets.filter((target) => target.startsWith(disk.path))).toEqual([])
    } finally {
      disk.unmount()
    }
  })
})

describe('digests', () => {
  it('reads a file as a stream and agrees with memory', async () => {
    const content = Buffer.alloc(700_000, 'weir')
    await writeFile(join(root, 'f'), content)
    expect(await digestFile(join(root, 'f'))).toEqual({ digest: digestOf(content), sizeBytes: 700_000 })
    await expect(digestFile(join(root, 'none'))).rejects.toMatchObject({ code: 'not-found' })
  })

  it.each([
    ['a'.repeat(64), { algorithm: 'sha256', hex: 'a'.repeat(64) }],
    [`sha512:${'b'.repeat(128)}`, { algorithm: 'sha512', hex: 'b'.repeat(128) }],
    ['sha256:abc', undefined],
    ['md5:' + 'a'.repeat(32), undefined],
    ['', undefined],
  ])('reads %s', (text, digest) => {
    expect(parseDigest(text)).toEqual(digest)
  })
})

describe('createTempRoot', () => {
  it('gives private directories and purges what a dead process left', async () => {
    const first = await createTempRoot(join(root, 'temp'))
    const left = await first.dir('left')
    await writeFile(join(left.path, 'f'), 'x')
    expect((await stat(left.path)).mode & 0o777).toBe(0o700)
    const second = await createTempRoot(join(root, 'temp'))
    await second.purge()
    expect(await readdir(second.path)).toEqual([])
    await left.remove()
  })

  it('makes its place again when somebody cleaned it away', async () => {
    const temp = await createTempRoot(join(root, 'temp'))
    await rm(temp.path, { recursive: true })
    const dir = await temp.dir('x')
    expect((await stat(dir.path)).isDirectory()).toBe(true)
  })

  it('removes a tree with a directory nobody may enter', async () => {
    const temp = await createTempRoot(join(root, 'temp'))
    const dir = await temp.dir('x')
    await mkdir(join(dir.path, 'closed'))
    await chmod(join(dir.path, 'closed'), 0o000)
    await dir.remove()
    expect(await readdir(temp.path)).toEqual([])
  })
})

interface SmallDisk {
  readonly path: string
  readOnly(): void
  unmount(): void
}

function mountSmallDisk(path: string): SmallDisk | undefined {
  try {
    execFileSync('mkdir', ['-p', path])
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=128k', 'none', path], { stdio: 'ignore' })
  } catch {
    return undefined
  }
  return {
    path,
    readOnly: () => void execFileSync('mount', ['-o', 'remount,ro', path]),
    unmount: () => void execFileSync('umount', [path]),
  }
}

function sayWhySkipped(reason: string): void {
  process.stderr.write(`skipped: ${reason}\n`)
}
