import { isFields } from './object.ts'
import type { KubeObject } from './object.ts'

const masked = '*****'
/** Shorter values are hidden only where they stand alone in quotes: `no` or `1` would tear up every sentence. */
const alwaysHiddenLength = 4

/**
 * Text without the values of a Secret, for messages in which an API server repeats what it was sent. Hides values as
 * written, decoded, and quoted by Go. Text about other kinds comes back as it was.
 */
export function maskSecret(text: string, object: KubeObject): string {
  return isSecret(object) ? maskValues(text, secretValues(object)) : text
}

export const isSecret = (object: Pick<KubeObject, 'apiVersion' | 'kind'>): boolean => object.kind === 'Secret' && object.apiVersion === 'v1'

/** Text without any of the values: the longest first, so that one inside another leaves no rest. */
export function maskValues(text: string, values: Iterable<string>): string {
  const forms = [...new Set([...values].flatMap(formsOf))].toSorted((a, b) => b.length - a.length)
  return forms.reduce((at, form) => (form.length >= alwaysHiddenLength ? at.replaceAll(form, masked) : hideQuoted(at, form)), text)
}

/** All that a Secret holds, as written and decoded; wrong types too, because the error about a wrong type repeats it. */
export function secretValues(object: KubeObject): readonly string[] {
  const encoded = leavesOf(object['data'])
  return [...encoded, ...encoded.flatMap(decoded), ...leavesOf(object['stringData'])].filter((value) => value !== '')
}

function leavesOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value]
  if (typeof value === 'number' || typeof value === 'boolean') return [String(value)]
  if (Array.isArray(value)) return value.flatMap(leavesOf)
  return isFields(value) ? Object.values(value).flatMap(leavesOf) : []
}

function decoded(value: string): readonly string[] {
  const bytes = Buffer.from(value, 'base64')
  if (bytes.length === 0) return []
  const text = bytes.toString('utf8')
  // A value of several lines is often repeated one line at a time.
  return [text, ...text.split(/\r?\n/).filter((line) => line.trim().length >= alwaysHiddenLength * 2)]
}

function formsOf(value: string): readonly string[] {
  const quoted = JSON.stringify(value).slice(1, -1)
  return [value, value.trim(), quoted].filter((form) => form !== '')
}

function hideQuoted(text: string, value: string): string {
  return text.replaceAll(`"${value}"`, `"${masked}"`).replaceAll(`'${value}'`, `'${masked}'`).replaceAll(`{Value:${value}}`, `{Value:${masked}}`)
}
