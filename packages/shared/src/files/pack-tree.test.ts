import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { execFileSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import { digestOf, extractTar, FilesError, packTree, writeAtomic } from '@weir/shared/files'

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'weir-pack-'))
})
afterEach(() => rm(root, { recursive: true, force: true }))

async function plant(name: string): Promise<string> {
  const tree = join(root, name)
  await mkdir(join(tree, 'b/empty'), { recursive: true })
  await writeFile(join(tree, 'b/two.yaml'), 'two')
  await writeFile(join(tree, 'a-file'), 'one', { mode: 0o604 })
  await writeFile(join(tree, 'b.txt'), 'x')
  await writeFile(join(tree, 'run.sh'), '#!/bin/sh\n')
  await chmod(join(tree, 'run.sh'), 0o611)
  await symlink('/etc/passwd', join(tree, 'link'))
  return tree
}

describe('packTree', () => {
  it('writes what the contract says, in its order', async () => {
    const bytes = await buffer(packTree(await plant('t')))
    const file = join(root, 'out.tar')
    await writeFile(file, gunzipSync(bytes))
    const listing = execFileSync('tar', ['--numeric-owner', '--utc', '--full-time', '-tvf', file], { encoding: 'utf8' })
    expect(listing.trim().split('\n').map((line) => line.replace(/ +/g, ' '))).toEqual([
      'drwxr-x--- 0/0 0 1970-01-01 00:00:00 .',
      '-rw------- 0/0 3 1970-01-01 00:00:00 a-file',
      'drwxr-x--- 0/0 0 1970-01-01 00:00:00 b',
      'drwxr-x--- 0/0 0 1970-01-01 00:00:00 b/empty',
      '-rw------- 0/0 3 1970-01-01 00:00:00 b/two.yaml',
      '-rw------- 0/0 1 1970-01-01 00:00:00 b.txt',
      '-rwx------ 0/0 10 1970-01-01 00:00:00 run.sh',
    ])
  })

  it('gives the same bytes for the same tree', async () => {
    const [one, two] = [await plant('one'), await plant('two')]
    await utimes(join(two, 'a-file'), 1000, 1000)
    await chmod(join(two, 'b.txt'), 0o666)
    expect(digestOf(await buffer(packTree(one)))).toBe(digestOf(await buffer(packTree(two))))
  })

  it('carries long, unicode and odd names to tar and back', async () => {
    const tree = join(root, 't')
    const names = [
      `${'d'.repeat(90)}/${'f'.repeat(90)}`, // prefix and name
      `${'d'.repeat(200)}/${'f'.repeat(200)}`, // pax
      'grüße/日本語.yaml',
      'new\nline',
      ' leading space',
      'emoji-😀-and-\uFB01',
    ]
    for (const name of names) {
      await mkdir(join(tree, name, '..'), { recursive: true })
      await writeFile(join(tree, name), name)
    }
    const bytes = await buffer(packTree(tree))
    const into = join(root, 'gnu')
    await mkdir(into)
    await writeFile(join(root, 'out.tar.gz'), bytes)
    execFileSync('tar', ['-xzf', join(root, 'out.tar.gz'), '-C', into])
    for (const name of names) expect(await readFile(join(into, name), 'utf8')).toBe(name)
    const again = join(root, 'own')
    await mkdir(again)
    const manifest = await extractTar((async function* () { yield bytes })(), again)
    expect([...manifest.files.keys()].sort()).toEqual([...names].sort())
  })

  it('leaves out what it is told to, and still walks into it', async () => {
    const bytes = await buffer(packTree(await plant('t'), { keep: (path, kind) => kind === 'file' && path.startsWith('b/') }))
    const into = join(root, 'own')
    await mkdir(into)
    expect([...(await extractTar((async function* () { yield bytes })(), into)).files.keys()]).toEqual(['b/two.yaml'])
  })

  it('passes on what the one who chooses throws, also through the file that it is written to', async () => {
    const tree = await plant('t')
    const refusal = new Error('these rules take too long')
    const keep = (path: string): boolean => {
      if (path === 'b.txt') throw refusal
      return true
    }
    await expect(buffer(packTree(tree, { keep }))).rejects.toBe(refusal)
    await expect(writeAtomic(join(root, 'out.tar.gz'), packTree(tree, { keep }))).rejects.toBe(refusal)
  })

  it('refuses names that no consumer unpacks', async () => {
    const tree = await plant('t')
    await writeFile(join(tree, 'back\\slash'), '')
    await expect(buffer(packTree(tree))).rejects.toMatchObject({ code: 'unsafe-entry', path: 'back\\slash' })
    await rm(join(tree, 'back\\slash'))
    await writeFile(Buffer.concat([Buffer.from(`${tree}/latin`), Buffer.from([0xe9])]), '')
    await expect(buffer(packTree(tree))).rejects.toBeInstanceOf(FilesError)
  })

  it('packs a large file whole', async () => {
    const tree = join(root, 't')
    await mkdir(tree)
    const content = Buffer.alloc(3_000_001, 'weir ')
    await writeFile(join(tree, 'large'), content)
    const bytes = await buffer(packTree(tree))
    const into = join(root, 'own')
    await mkdir(into)
    expect((await extractTar((async function* () { yield bytes })(), into)).files.get('large')).toBe(digestOf(content))
  })

  it('says what is wrong with a missing directory', async () => {
    await expect(buffer(packTree(join(root, 'none')))).rejects.toMatchObject({ code: 'not-found' })
  })
})
