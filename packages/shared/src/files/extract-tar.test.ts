import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { pack, type Header } from 'tar-stream'
import { digestOf, extractTar, extractTarFlat, FilesError, readSpan, type ExtractedTree, type ExtractOptions } from '@weir/shared/files'

type Item = readonly [header: Partial<Header> & Pick<Header, 'name'>, content?: string]

async function archive(items: readonly Item[]): Promise<Buffer> {
  const packing = pack()
  for (const [header, content = ''] of items) packing.entry(header, content)
  packing.finalize()
  return buffer(packing as unknown as AsyncIterable<Buffer>)
}

async function* stream(bytes: Uint8Array, chunk = bytes.byteLength): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += chunk) yield bytes.subarray(at, at + chunk)
}

let root: string
let into: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'weir-files-'))
  into = join(root, 'a', 'b')
  await mkdir(into, { recursive: true })
})
afterEach(() => rm(root, { recursive: true, force: true }))

type Unpack = (source: AsyncIterable<Uint8Array>, options?: ExtractOptions) => Promise<ExtractedTree>

const forms: readonly (readonly [string, Unpack])[] = [
  ['extractTar', (source, options) => extractTar(source, into, options)],
  ['extractTarFlat', async (source, options) => extractTarFlat(source, join(into, `tree-${(await readdir(into)).length}`), options)],
]

describe.each(forms)('%s', (_form, unpack) => {
  async function codeOf(bytes: Buffer, options: ExtractOptions = {}): Promise<string> {
    try {
      await unpack(stream(gzipSync(bytes)), options)
      return 'ok'
    } catch (error) {
      if (error instanceof FilesError) return error.code
      throw error
    }
  }

  it('unpacks files and directories and says their digests', async () => {
    const bytes = await archive([
      [{ name: '.', type: 'directory' }],
      [{ name: 'deploy', type: 'directory' }],
      [{ name: './deploy/app.yaml' }, 'kind: Deployment\n'],
      [{ name: 'deep/without/entries/run.sh', mode: 0o7777 }, '#!/bin/sh\n'],
    ])
    const manifest = await unpack(stream(gzipSync(bytes), 7))
    expect([...manifest.files]).toEqual([
      ['deploy/app.yaml', digestOf('kind: Deployment\n')],
      ['deep/without/entries/run.sh', digestOf('#!/bin/sh\n')],
    ])
    expect([...manifest.directories].sort()).toEqual(['', 'deep', 'deep/without', 'deep/without/entries', 'deploy'])
    expect(manifest.sizeBytes).toBe(27)
  })

  const hostile: readonly (readonly [string, readonly Item[], string])[] = [
    ['a name that climbs out', [[{ name: '../../evil' }, 'x']], 'escapes'],
    ['a name that climbs out in its middle', [[{ name: 'a/../../../evil' }, 'x']], 'escapes'],
    ['an absolute name', [[{ name: '/tmp/weir-evil' }, 'x']], 'escapes'],
    ['a name with a backslash', [[{ name: '..\\evil' }, 'x']], 'unsafe-entry'],
    ['a name twice', [[{ name: 'a' }, 'x'], [{ name: 'a' }, 'y']], 'unsafe-entry'],
    ['a file where a directory is needed', [[{ name: 'a' }, 'x'], [{ name: 'a/b' }, 'y']], 'unsafe-entry'],
    ['a directory where a file is', [[{ name: 'a' }, 'x'], [{ name: 'a', type: 'directory' }]], 'unsafe-entry'],
    ['a file in place of the root', [[{ name: '.' }, 'x']], 'unsafe-entry'],
    ['a part longer than a file name', [[{ name: `${'n'.repeat(256)}/a` }, 'x']], 'unsafe-entry'],
  ]
  it.each(hostile)('refuses %s', async (_what, items, code) => {
    expect(await codeOf(await archive(items))).toBe(code)
    expect(await readdir(root)).toEqual(['a'])
    expect(await readdir(join(root, 'a'))).toEqual(['b'])
  })

  it('skips links and devices, so that nothing is written through them', async () => {
    const bytes = await archive([
      [{ name: 'link', type: 'symlink', linkname: '/etc' }],
      [{ name: 'hard', type: 'link', linkname: '/etc/passwd' }],
      [{ name: 'null', type: 'character-device', devmajor: 1, devminor: 3 }],
      [{ name: 'pipe', type: 'fifo' }],
      [{ name: 'link/inside' }, 'kept'],
    ])
    const manifest = await unpack(stream(gzipSync(bytes)))
    expect([...manifest.files.keys()]).toEqual(['link/inside'])
    expect([...manifest.directories]).toEqual(['', 'link'])
  })

  it('bounds bytes, entries and depth after decompression', async () => {
    const zeros = await archive([[{ name: 'zeros' }, '\0'.repeat(1 << 20)]])
    expect(await codeOf(zeros, { limits: { maxBytes: 1 << 19 } })).toBe('too-large')
    const many = await archive(Array.from({ length: 20 }, (_, index): Item => [{ name: `f${index}` }, 'x']))
    expect(await codeOf(many, { limits: { maxEntries: 10 } })).toBe('too-many')
    expect(await codeOf(await archive([[{ name: 'a/'.repeat(30) + 'f' }, 'x']]), { limits: { maxDepth: 20 } })).toBe('too-deep')
  })

  it('refuses headers that would fill the memory', async () => {
    const one = await archive([[{ name: 'a', pax: { comment: 'x'.repeat(6 << 20) } }, 'x']])
    expect(await codeOf(one)).toBe('corrupt')
    const small = await archive([[{ name: 'a', pax: { comment: 'x'.repeat(900_000) } }, 'x']])
    const header = small.subarray(0, small.byteLength - 1024 - 1024) // without the entry itself and the end
    expect(await codeOf(Buffer.concat([...Array.from({ length: 9 }, () => header), small]))).toBe('too-large')
  })

  it('knows damaged, cut and empty archives', async () => {
    const bytes = gzipSync(await archive([[{ name: 'a' }, 'x'.repeat(5000)]]))
    const code = async (part: Buffer): Promise<string> =>
      unpack(stream(part)).then(
        () => 'ok',
        (error: unknown) => (error instanceof FilesError ? error.code : String(error)),
      )
    expect(await code(bytes.subarray(0, bytes.byteLength - 20))).toBe('corrupt')
    expect(await code(Buffer.from('no gzip at all'))).toBe('corrupt')
    expect(await code(Buffer.alloc(0))).toBe('corrupt')
    expect(await code(gzipSync(Buffer.alloc(0)))).toBe('corrupt')
  })

  it('keeps backslashes where the caller says so, and takes plain tar', async () => {
    const bytes = await archive([[{ name: 'odd\\name\nnew' }, 'x']])
    const manifest = await unpack(stream(bytes), { gzip: false, backslash: 'keep' })
    expect([...manifest.files.keys()]).toEqual(['odd\\name\nnew'])
  })

  it('stops when told to', async () => {
    const bytes = await archive(Array.from({ length: 500 }, (_, index): Item => [{ name: `f${index}` }, 'x'.repeat(2000)]))
    const abort = new AbortController()
    abort.abort()
    expect(await codeOf(bytes, { signal: abort.signal })).toBe('aborted')
  })
})

describe('extractTar', () => {
  it('makes directories and files with the rights they may have, under the names they have', async () => {
    const bytes = await archive([[{ name: 'deep/run.sh', mode: 0o7777 }, '#!/bin/sh\n'], [{ name: 'odd\\name\nnew' }, 'x'], [{ name: 'link', type: 'symlink', linkname: '/etc' }], [{ name: 'link/inside' }, 'kept']])
    await extractTar(stream(bytes), into, { gzip: false, backslash: 'keep' })
    expect((await stat(join(into, 'deep/run.sh'))).mode & 0o7777).toBe(0o755)
    expect(await readFile(join(into, 'odd\\name\nnew'), 'utf8')).toBe('x')
    expect((await lstat(join(into, 'link'))).isDirectory()).toBe(true)
  })
})

describe('extractTarFlat', () => {
  it('makes one file, private, and reads out of it what went in', async () => {
    const large = 'line\n'.repeat(500_000)
    const contents: readonly (readonly [string, string])[] = [['a', 'first'], ['deep/large', large], ['deep/empty', ''], ['z', 'last']]
    const file = join(into, 'tree')
    const tree = await extractTarFlat(stream(gzipSync(await archive(contents.map(([name, content]): Item => [{ name }, content]))), 100_000), file)
    expect(await readdir(into)).toEqual(['tree'])
    expect((await stat(file)).mode & 0o7777).toBe(0o600)
    expect((await stat(file)).size).toBe(tree.sizeBytes)
    expect([...tree.spans.keys()]).toEqual([...tree.files.keys()])
    for (const [name, content] of contents) {
      const read = await readSpan(file, tree.spans.get(name) ?? { at: -1, bytes: -1 })
      expect(read.toString() === content).toBe(true)
      expect(tree.files.get(name)).toBe(digestOf(read))
      expect(read.buffer.byteLength).toBe(read.byteLength)
    }
  })

  it('says what the disk says, and takes no file for its own that is there', async () => {
    const bytes = gzipSync(await archive([[{ name: 'a' }, 'x']]))
    const code = (file: string): Promise<unknown> => extractTarFlat(stream(bytes), file).then(() => 'ok', (error: unknown) => error instanceof FilesError && error.code)
    await writeFile(join(into, 'there'), 'of somebody')
    expect(await code(join(into, 'there'))).toBe('io')
    expect(await readFile(join(into, 'there'), 'utf8')).toBe('of somebody')
    expect(await code(join(into, 'nowhere/tree'))).toBe('not-found')
    await expect(readSpan(join(into, 'there'), { at: 3, bytes: 100 })).rejects.toMatchObject({ code: 'corrupt' })
    await expect(readSpan(join(into, 'there'), { at: 0, bytes: 1 << 20 })).rejects.toMatchObject({ code: 'corrupt' })
  })
})
