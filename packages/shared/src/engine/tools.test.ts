import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { execFile } from 'node:child_process'
import { cp, mkdtemp, open, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { crc32, deflateRawSync } from 'node:zlib'
import { EngineError, helmBinary, kubectlBinary, kustomizeEngineBinary } from './index.ts'
import { readZipEntry } from './zip.ts'

let temp = ''
beforeAll(async () => { temp = await mkdtemp(path.join(tmpdir(), 'weir-tools-')) })
afterAll(async () => { await rm(temp, { recursive: true, force: true }) })

/** A ZIP archive with one entry. */
function zipOf(name: string, content: Buffer, method: 0 | 8): Buffer {
  const packed = method === 8 ? deflateRawSync(content) : content
  const local = Buffer.alloc(30)
  local.writeUInt32LE(0x04034b50, 0)
  local.writeUInt16LE(method, 8)
  local.writeUInt32LE(crc32(content), 14)
  local.writeUInt32LE(packed.length, 18)
  local.writeUInt32LE(content.length, 22)
  local.writeUInt16LE(name.length, 26)
  const central = Buffer.alloc(46)
  central.writeUInt32LE(0x02014b50, 0)
  central.writeUInt16LE(method, 10)
  central.writeUInt32LE(packed.length, 20)
  central.writeUInt32LE(content.length, 24)
  central.writeUInt16LE(name.length, 28)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt32LE(46 + name.length, 12)
  end.writeUInt32LE(30 + name.length + packed.length, 16)
  return Buffer.concat([local, Buffer.from(name), packed, central, Buffer.from(name), end])
}

async function readFrom(bytes: Buffer, name: string): Promise<Buffer | undefined> {
  const file = path.join(temp, 'archive.zip')
  await writeFile(file, bytes)
  await using archive = await open(file)
  return await readZipEntry(archive, name)
}

describe('readZipEntry', () => {
  it.each([0, 8] as const)('reads an entry packed by method %d', async (method) => {
    const content = Buffer.from('hello '.repeat(1_000))
    await expect(readFrom(zipOf('a/b', content, method), 'a/b')).resolves.toEqual(content)
  })
  it('knows what is not there, and what is no archive', async () => {
    await expect(readFrom(zipOf('a', Buffer.from('x'), 0), 'b')).resolves.toBeUndefined()
    await expect(readFrom(Buffer.from('nothing'), 'a')).rejects.toThrow('no ZIP archive')
    await expect(readFrom(zipOf('a', Buffer.from('x'.repeat(100)), 8).subarray(20), 'a')).rejects.toThrow()
  })
})

describe('the pinned programs', () => {
  it('are unpacked once, whole, by whoever comes first', async () => {
    const [first, second] = await Promise.all([kubectlBinary({ cache: temp }), kubectlBinary({ cache: temp })])
    expect(second).toBe(first)
    const { stdout } = await promisify(execFile)(first, ['version', '--client'])
    expect(stdout).toContain('v1.36')
    expect(await readdir(path.dirname(first))).toEqual(['kubectl'])
    const { mtimeMs } = await stat(first)
    await kubectlBinary({ cache: temp })
    expect((await stat(first)).mtimeMs).toBe(mtimeMs)
  })

  it('include helm', async () => {
    const { stdout } = await promisify(execFile)(await helmBinary({ cache: temp }), ['version', '--short'], { env: { HOME: temp, PATH: '/nonexistent' } })
    expect(stdout).toContain('v4.')
  })
})

describe('kustomizeEngineBinary', () => {
  const source = path.resolve(import.meta.dirname, '../../../../engines')

  it('builds once for one source', async () => {
    const cache = path.join(temp, 'cache')
    const [first, second] = await Promise.all([kustomizeEngineBinary({ cache }), kustomizeEngineBinary({ cache, source })])
    expect(second).toBe(first)
    expect(await readdir(path.dirname(first))).toEqual(['kustomize'])
  })

  it('says what Go says of a source that does not build', async () => {
    const broken = path.join(temp, 'broken')
    await cp(source, broken, { recursive: true })
    await writeFile(path.join(broken, 'kustomize', 'main.go'), 'package main\nfunc main() { undefined() }\n')
    const error = await kustomizeEngineBinary({ cache: temp, source: broken }).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(EngineError)
    expect(error).toMatchObject({ code: 'unavailable' })
    expect(String(error)).toContain('undefined: undefined')
  })

  it('gives up when the signal fires', async () => {
    const error = await kustomizeEngineBinary({ cache: path.join(temp, 'other'), signal: AbortSignal.timeout(50) }).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'aborted' })
  })
})
