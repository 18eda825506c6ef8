/** What a reproducible archive says about an entry: no owner, no times. */
export interface TarEntry {
  /** `/`-separated, without a leading `./` or a trailing slash. */
  readonly name: string
  readonly type: 'file' | 'directory'
  readonly mode: number
  readonly sizeBytes: number
}

const blockBytes = 512
const maxOctalSize = 0o77777777777

/** The header blocks of an entry: ustar, with a pax header before it where ustar has no room or no letters for the name. */
export function tarHeader(entry: TarEntry): Buffer {
  const name = Buffer.from(entry.name)
  const split = isAscii(name) ? splitName(name) : undefined
  const tooLarge = entry.sizeBytes > maxOctalSize
  const plain = ustarBlock({
    ...(split ?? { name: name.subarray(0, 100), prefix: Buffer.alloc(0) }),
    mode: entry.mode,
    sizeBytes: tooLarge ? 0 : entry.sizeBytes,
    type: entry.type === 'directory' ? '5' : '0',
  })
  if (split !== undefined && !tooLarge) return plain
  const records = Buffer.concat([
    ...(split === undefined ? [paxRecord('path', name)] : []),
    ...(tooLarge ? [paxRecord('size', Buffer.from(String(entry.sizeBytes)))] : []),
  ])
  const paxName = Buffer.from(`PaxHeaders.0/${entry.name.replace(/[^\x20-\x7e]/g, '_').split('/').at(-1) ?? ''}`).subarray(0, 100)
  const pax = ustarBlock({ name: paxName, prefix: Buffer.alloc(0), mode: 0, sizeBytes: records.byteLength, type: 'x' })
  return Buffer.concat([pax, records, tarPadding(records.byteLength), plain])
}

/** Zero bytes up to the next block. */
export function tarPadding(sizeBytes: number): Buffer {
  return Buffer.alloc((blockBytes - (sizeBytes % blockBytes)) % blockBytes)
}

/** Two zero blocks. */
export function tarEnd(): Buffer {
  return Buffer.alloc(2 * blockBytes)
}

interface Ustar {
  readonly name: Buffer
  readonly prefix: Buffer
  readonly mode: number
  readonly sizeBytes: number
  readonly type: '0' | '5' | 'x'
}

function ustarBlock({ name, prefix, mode, sizeBytes, type }: Ustar): Buffer {
  const block = Buffer.alloc(blockBytes)
  name.copy(block, 0)
  block.write(octal(mode, 8), 100)
  block.write(octal(0, 8), 108) // uid
  block.write(octal(0, 8), 116) // gid
  block.write(octal(sizeBytes, 12), 124)
  block.write(octal(0, 12), 136) // mtime
  block.fill(' ', 148, 156) // the checksum counts itself as spaces
  block.write(type, 156)
  block.write('ustar\0' + '00', 257)
  block.write(octal(0, 8), 329) // device major
  block.write(octal(0, 8), 337) // device minor
  prefix.copy(block, 345)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

function octal(value: number, width: number): string {
  return `${value.toString(8).padStart(width - 1, '0')}\0`
}

/** Splits a name at a slash into prefix (155) and name (100); undefined if there is no such slash. */
function splitName(name: Buffer): { name: Buffer; prefix: Buffer } | undefined {
  if (name.byteLength <= 100) return { name, prefix: Buffer.alloc(0) }
  if (name.byteLength > 256) return undefined
  const at = name.subarray(0, 156).lastIndexOf('/')
  if (at <= 0 || name.byteLength - at - 1 > 100 || at + 1 === name.byteLength) return undefined
  return { name: name.subarray(at + 1), prefix: name.subarray(0, at) }
}

function isAscii(bytes: Buffer): boolean {
  return bytes.every((byte) => byte >= 0x20 && byte < 0x7f)
}

/** `LENGTH KEY=VALUE\n`, where LENGTH counts its own digits. */
function paxRecord(key: string, value: Buffer): Buffer {
  const rest = ` ${key}=`.length + value.byteLength + 1
  const guess = rest + String(rest).length
  const length = rest + String(guess).length
  return Buffer.concat([Buffer.from(`${length} ${key}=`), value, Buffer.from('\n')])
}
