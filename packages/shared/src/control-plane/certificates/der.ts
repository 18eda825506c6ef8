/** A value in DER, the encoding of X.509 (ITU-T X.690): tag, length, content. */
export type Der = Buffer

export function sequence(...parts: readonly Der[]): Der {
  return tagged(0x30, Buffer.concat(parts))
}

export function set(...parts: readonly Der[]): Der {
  return tagged(0x31, Buffer.concat(parts))
}

/** Unsigned, big endian. */
export function integer(bytes: Uint8Array): Der {
  const firstSet = bytes.findIndex((byte) => byte !== 0)
  const magnitude = firstSet < 0 ? Buffer.of(0) : bytes.subarray(firstSet)
  const isNegativeLooking = (magnitude[0] ?? 0) >= 0x80
  return tagged(0x02, isNegativeLooking ? Buffer.concat([Buffer.of(0), magnitude]) : magnitude)
}

export function boolean(value: boolean): Der {
  return tagged(0x01, Buffer.of(value ? 0xff : 0))
}

export function octetString(bytes: Uint8Array): Der {
  return tagged(0x04, bytes)
}

/** `unusedBits` are the low bits of the last byte that do not count. */
export function bitString(bytes: Uint8Array, unusedBits = 0): Der {
  return tagged(0x03, Buffer.concat([Buffer.of(unusedBits), bytes]))
}

export function utf8String(text: string): Der {
  return tagged(0x0c, Buffer.from(text, 'utf8'))
}

/** `1.2.840.10045.4.3.2` */
export function objectId(dotted: string): Der {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return tagged(0x06, Buffer.from([first * 40 + second, ...rest].flatMap(base128)))
}

/** UTCTime until 2049, GeneralizedTime from then on (RFC 5280, 4.1.2.5). Whole seconds. */
export function time(at: Date): Der {
  const digits = `${at.toISOString().slice(0, 19).replaceAll(/[-:T]/g, '')}Z`
  const isShort = at.getUTCFullYear() < 2050
  return tagged(isShort ? 0x17 : 0x18, Buffer.from(isShort ? digits.slice(2) : digits, 'latin1'))
}

/** A context-specific tag: `explicit` wraps a whole value, else `content` are the bare bytes. */
export function context(tag: number, content: Uint8Array, form: 'explicit' | 'implicit'): Der {
  return tagged((form === 'explicit' ? 0xa0 : 0x80) + tag, content)
}

function tagged(tag: number, content: Uint8Array): Der {
  return Buffer.concat([Buffer.of(tag), lengthOf(content.length), content])
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.of(length)
  const bytes: number[] = []
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256)
  return Buffer.of(0x80 + bytes.length, ...bytes)
}

function base128(value: number): readonly number[] {
  const groups = [value % 128]
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) groups.unshift(0x80 + (rest % 128))
  return groups
}
