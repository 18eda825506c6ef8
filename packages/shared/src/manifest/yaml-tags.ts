import { defineMappingTag, defineScalarTag, defineSequenceTag, floatYaml11Tag, intYaml11Tag, NOT_RESOLVED, YAMLException } from 'js-yaml'

/** Go's `strconv.ParseInt(text, 0, 64)` after underscores are taken out; beyond 2^53 a bigint, so that no digit is lost. */
export const goIntTag = defineScalarTag<number | bigint>('tag:yaml.org,2002:int', {
  implicit: true,
  implicitFirstChars: [...'+-0123456789'],
  resolve: (source) => parseGoInt(source.replaceAll('_', '')) ?? NOT_RESOLVED,
  identify: (value) => typeof value === 'bigint' || Number.isSafeInteger(value),
  represent: (value) => String(value),
})

/** For writing: whole numbers that are too big to be exact are floats. */
export const dumpedFloatTag = defineScalarTag<number>('tag:yaml.org,2002:float', {
  implicit: true,
  implicitFirstChars: [...'+-.0123456789'],
  resolve(source, isExplicit, tagName) {
    const value = specialPattern.test(source) ? NOT_RESOLVED : goFloatTag.resolve(source, isExplicit, tagName)
    return value === NOT_RESOLVED ? floatYaml11Tag.resolve(source, isExplicit, tagName) : value
  },
  identify: (value) => typeof value === 'number' && !Number.isSafeInteger(value),
  represent: (value) => String(value),
})

/** For writing: bigints are integers, and text that any reader takes for one (also `12:30:45`) gets quotes. */
export const dumpedIntTag = defineScalarTag<number | bigint>('tag:yaml.org,2002:int', {
  implicit: true,
  implicitFirstChars: [...'+-0123456789'],
  resolve(source, isExplicit, tagName) {
    const value = goIntTag.resolve(source, isExplicit, tagName)
    return value === NOT_RESOLVED ? intYaml11Tag.resolve(source, isExplicit, tagName) : value
  },
  identify: goIntTag.identify,
  represent: (value) => String(value),
})

const intPattern = /^([+-]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))$/

function parseGoInt(text: string): number | bigint | undefined {
  const match = intPattern.exec(text)
  if (match === null) return undefined
  const [, sign, hex, binary, octal, decimal = '0'] = match
  const magnitude = BigInt(hex !== undefined ? `0x${hex}` : binary !== undefined ? `0b${binary}` : octal !== undefined ? `0o${octal}` : decimal)
  const value = sign === '-' ? -magnitude : magnitude
  if (value > maxUint64 || value < minInt64) return undefined
  const small = Number(value)
  return Number.isSafeInteger(small) ? small : value
}

const maxUint64 = 2n ** 64n - 1n
const minInt64 = -(2n ** 63n)

/** An integer that is too big for 64 bits is a float, and a float that is too big is text, as in Go. */
export const goFloatTag = defineScalarTag<number>('tag:yaml.org,2002:float', {
  implicit: true,
  implicitFirstChars: [...'+-.0123456789'],
  resolve(source) {
    if (specialPattern.test(source)) throw new YAMLException('infinity and NaN have no place in JSON')
    const plain = source.startsWith('.') ? source : source.replaceAll('_', '')
    if (!floatPattern.test(plain)) return NOT_RESOLVED
    const value = Number(plain)
    return Number.isFinite(value) ? value : NOT_RESOLVED
  },
  identify: (value) => typeof value === 'number' && !Number.isSafeInteger(value),
  represent: (value) => String(value),
})

const specialPattern = /^[-+]?\.(?:inf|Inf|INF)$|^\.(?:nan|NaN|NAN)$/
const floatPattern = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/

const trueWords = ['true', 'True', 'TRUE']
const falseWords = ['false', 'False', 'FALSE']

function boolTag(yes: readonly string[], no: readonly string[]): ReturnType<typeof defineScalarTag<boolean>> {
  const words = new Map([...yes.map((word) => [word, true] as const), ...no.map((word) => [word, false] as const)])
  return defineScalarTag<boolean>('tag:yaml.org,2002:bool', {
    implicit: true,
    implicitFirstChars: [...new Set([...words.keys()].map((word) => word.charAt(0)))],
    resolve: (source) => words.get(source) ?? NOT_RESOLVED,
    identify: (value) => typeof value === 'boolean',
    represent: (value) => String(value),
  })
}

export const coreBoolTag = boolTag(trueWords, falseWords)

export const yaml11BoolTag = boolTag(
  [...trueWords, 'y', 'Y', 'yes', 'Yes', 'YES', 'on', 'On', 'ON'],
  [...falseWords, 'n', 'N', 'no', 'No', 'NO', 'off', 'Off', 'OFF'],
)

/** kustomize rewrites what looks like a date to RFC 3339. */
export const goTimestampTag = defineScalarTag<string>('tag:yaml.org,2002:timestamp', {
  implicit: true,
  implicitFirstChars: [...'0123456789'],
  resolve: (source) => rfc3339(source) ?? NOT_RESOLVED,
  identify: () => false,
})

/** A date; or date, `T`, time and zone; or date, blank and time in UTC. */
const timestampPattern =
  /^(\d{4})-(\d{1,2})-(\d{1,2})(?:(?:[Tt](?=.*(?:Z|[+-]\d{2}:\d{2})$)| (?!.*[Z+-]))(\d{1,2}):(\d{1,2}):(\d{1,2})(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})?)?$/

function rfc3339(source: string): string | undefined {
  const match = timestampPattern.exec(source)
  if (match === null) return undefined
  const [, year = '', month = '', day = '', hour = '0', minute = '0', second = '0', fraction = '', zone = 'Z'] = match
  if (!isDate([year, month, day, hour, minute, second].map(Number))) return undefined
  const two = (text: string): string => text.padStart(2, '0')
  const kept = fraction.replace(/\.?0+$/, '')
  return `${year}-${two(month)}-${two(day)}T${two(hour)}:${two(minute)}:${two(second)}${kept}${zone}`
}

function isDate([year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0]: readonly number[]): boolean {
  const date = new Date(Date.UTC(2000, 0, 1))
  date.setUTCFullYear(year, month - 1, day)
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day && hour < 24 && minute < 60 && second < 60
}

/** Go decodes base64 to the text it holds. */
export const goBinaryTag = defineScalarTag<string>('tag:yaml.org,2002:binary', {
  resolve: (source) => Buffer.from(source.replaceAll(/\s/g, ''), 'base64').toString('utf8'),
  identify: () => false,
})

/** Go ignores tags that it does not know: the text, list or map stays what it is. */
export const foreignTags = [
  defineScalarTag<string>('!', { matchByTagPrefix: true, resolve: (source) => source, identify: () => false }),
  defineSequenceTag<unknown[]>('!', {
    matchByTagPrefix: true,
    create: () => [],
    addItem: (list, entry) => void list.push(entry),
    identify: () => false,
  }),
  defineMappingTag<Record<string, unknown>>('!', {
    matchByTagPrefix: true,
    create: () => ({}),
    addPair: (map, key, value) => {
      Object.defineProperty(map, String(key), { value, enumerable: true, writable: true, configurable: true })
      return ''
    },
    has: (map, key) => Object.hasOwn(map, String(key)),
    keys: (map) => Object.keys(map),
    get: (map, key) => map[String(key)],
    identify: () => false,
  }),
]
