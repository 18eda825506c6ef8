import type { IncomingHttpHeaders } from 'node:http'

/** What a file's validators are made of. Stored files are replaced, never changed, so a new content has a new inode. */
export interface FileFacts {
  readonly sizeBytes: number
  readonly modifiedMs: number
  readonly inode: number
}

export function entityTag({ sizeBytes, modifiedMs, inode }: FileFacts): string {
  return `"${inode.toString(16)}-${Math.round(modifiedMs * 1000).toString(16)}-${sizeBytes.toString(16)}"`
}

/** RFC 9110, 13.2.2: If-None-Match decides; If-Modified-Since only without it. */
export function isNotModified(headers: IncomingHttpHeaders, facts: FileFacts): boolean {
  const tags = headers['if-none-match']
  if (tags !== undefined) return tags.trim() === '*' || tags.split(',').some((tag) => tag.trim().replace(/^W\//, '') === entityTag(facts))
  return isUnchangedSince(headers['if-modified-since'], facts)
}

export type Range = { readonly start: number; readonly end: number }

/** The one range that was asked for; undefined: send everything (no range, several, another unit, or a stale If-Range). */
export function readRange(headers: IncomingHttpHeaders, facts: FileFacts): Range | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(headers.range?.trim() ?? '')
  if (match === null || !ifRangeHolds(headers['if-range'], facts)) return undefined
  const [, first = '', last = ''] = match
  const asked = first === '' ? suffixRange(last, facts.sizeBytes) : { start: Number(first), end: last === '' ? Number.POSITIVE_INFINITY : Number(last) }
  if (asked === undefined || asked.end < asked.start) return undefined
  const end = Math.min(asked.end, facts.sizeBytes - 1)
  return asked.start > end ? 'unsatisfiable' : { start: asked.start, end }
}

/** `bytes=-N`: the last N bytes; none of them is a range that begins behind the end. */
function suffixRange(last: string, sizeBytes: number): Range | undefined {
  if (last === '') return undefined
  const start = Number(last) === 0 ? sizeBytes : Math.max(0, sizeBytes - Number(last))
  return { start, end: Number.POSITIVE_INFINITY }
}

function ifRangeHolds(header: string | string[] | undefined, facts: FileFacts): boolean {
  if (header === undefined) return true
  const text = String(header).trim()
  return text.startsWith('"') ? text === entityTag(facts) : isUnchangedSince(text, facts)
}

/** HTTP dates have whole seconds. */
function isUnchangedSince(date: string | undefined, { modifiedMs }: FileFacts): boolean {
  const since = date === undefined ? Number.NaN : Date.parse(date)
  return !Number.isNaN(since) && Math.floor(modifiedMs / 1000) * 1000 <= since
}
