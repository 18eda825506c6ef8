import type { LogFields } from './log.ts'
import { mask, redact } from './redact.ts'

const maxDepth = 4
const maxEntries = 100
const maxTextLength = 16 * 1024

/** Names whose value is secret whatever it looks like. `token` is not among them: a reconcile token is no secret. */
const secretName =
  /^(?:.*(?:password|passwd|passphrase|private[_-]?key|secret[_-]?key|client[_-]?secret|api[_-]?key|access[_-]?token|refresh[_-]?token|id[_-]?token|bearer[_-]?token)|authorization|cookie|pwd)$/i

/** Names of a line's own parts: a field with one of them would make a line with two. */
const reserved: ReadonlySet<string> = new Set(['level', 'ts', 'msg'])

/** Plain, bounded, redacted values: a line never holds an object graph, a secret or an unserialisable value. */
export function cleanFields(fields: LogFields): Record<string, unknown> {
  const clean: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue
    const key = reserved.has(name) ? `${name}_` : name
    clean[key] = secretName.test(name) ? mask : cleanValue(value, 1)
    if (value instanceof Error) Object.assign(clean, errorExtras(key, value))
  }
  return clean
}

function cleanValue(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case 'string':
      return cleanText(value)
    case 'number':
      return Number.isFinite(value) ? value : String(value)
    case 'boolean':
    case 'undefined':
      return value
    case 'bigint':
    case 'symbol':
      return String(value)
    case 'function':
      return '[function]'
    case 'object':
      return value === null ? null : cleanObject(value, depth)
  }
}

function cleanObject(value: object, depth: number): unknown {
  if (value instanceof Error) return cleanText(messageOf(value))
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString()
  if (value instanceof URL) return cleanText(value.href)
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if (depth >= maxDepth) return '[…]'
  if (value instanceof Map) return cleanObject(Object.fromEntries(value), depth)
  if (Array.isArray(value) || value instanceof Set) {
    const entries = [...value]
    const clean = entries.slice(0, maxEntries).map((entry) => cleanValue(entry, depth + 1))
    return entries.length > maxEntries ? [...clean, `[${entries.length - maxEntries} more]`] : clean
  }
  const entries = Object.entries(value).slice(0, maxEntries)
  return Object.fromEntries(entries.map(([name, inner]) => [cleanText(name), secretName.test(name) ? mask : cleanValue(inner, depth + 1)]))
}

function cleanText(text: string): string {
  const clean = redact(text)
  return clean.length > maxTextLength ? `${clean.slice(0, maxTextLength)}…` : clean
}

/** The message with those of its causes, as far as they say something new. */
export function messageOf(error: Error): string {
  const messages = [error.message || error.name]
  let cause = error.cause
  for (let depth = 0; depth < maxDepth && cause instanceof Error; depth += 1) {
    const { message } = cause
    if (message !== '' && !messages.some((known) => known.includes(message))) messages.push(message)
    cause = cause.cause
  }
  return messages.join(': ')
}

/** A room's error says its code; an error without one is a bug, and a bug needs its stack. */
function errorExtras(name: string, error: Error): Record<string, unknown> {
  if ('code' in error && typeof error.code === 'string') return { [`${name}Code`]: error.code }
  return error.stack === undefined ? {} : { stacktrace: cleanText(error.stack) }
}
