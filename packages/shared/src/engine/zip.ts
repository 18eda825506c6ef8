import type { FileHandle } from 'node:fs/promises'
import { promisify } from 'node:util'
import { inflateRaw } from 'node:zlib'

const endSignature = Buffer.from('PK\x05\x06', 'latin1')
const recordSignature = 0x02014b50
/** The end record is 22 bytes and a comment of at most 64 KiB. */
const endSearchBytes = 22 + 0xffff

/**
 * Reads one entry of a ZIP archive, undefined where there is none of that name. For archives that we pin: no ZIP64, no
 * encryption, stored or deflated.
 */
export async function readZipEntry(archive: FileHandle, name: string): Promise<Buffer | undefined> {
  const { size } = await archive.stat()
  const tailStart = Math.max(0, size - endSearchBytes)
  const tail = await readAt(archive, tailStart, size - tailStart)
  const end = tail.lastIndexOf(endSignature)
  if (end === -1) throw new Error('no ZIP archive')
  const directory = await readAt(archive, tail.readUInt32LE(end + 16), tail.readUInt32LE(end + 12))
  for (let at = 0; at < directory.length; ) {
    if (directory.readUInt32LE(at) !== recordSignature) throw new Error('a ZIP archive is broken')
    const nameLength = directory.readUInt16LE(at + 28)
    if (directory.toString('utf8', at + 46, at + 46 + nameLength) === name) return readEntry(archive, directory.subarray(at))
    at += 46 + nameLength + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32)
  }
  return undefined
}

async function readEntry(archive: FileHandle, record: Buffer): Promise<Buffer> {
  const headerAt = record.readUInt32LE(42)
  const header = await readAt(archive, headerAt, 30)
  const contentAt = headerAt + 30 + header.readUInt16LE(26) + header.readUInt16LE(28)
  const packed = await readAt(archive, contentAt, record.readUInt32LE(20))
  const method = record.readUInt16LE(10)
  if (method !== 0 && method !== 8) throw new Error(`ZIP method ${method} is not supported`)
  const content = method === 0 ? packed : await promisify(inflateRaw)(packed)
  if (content.length !== record.readUInt32LE(24)) throw new Error('a ZIP entry has the wrong size')
  return content
}

async function readAt(archive: FileHandle, position: number, length: number): Promise<Buffer> {
  const { bytesRead, buffer } = await archive.read(Buffer.alloc(length), 0, length, position)
  if (bytesRead !== length) throw new Error('a ZIP archive is cut')
  return buffer
}
