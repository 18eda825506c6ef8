import { HttpError } from '@weir/shared/http'
import { fieldAt } from '@weir/shared/manifest'

export type WatchEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: unknown; readonly resourceVersion: string | undefined }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string | undefined }
  /** `object` is an API Status. */
  | { readonly type: 'ERROR'; readonly object: unknown }

/** An object cannot be larger than etcd takes (1.5 MiB by default); an aggregated server may hold more. */
const maxLineBytes = 64 * 1024 * 1024

/** The events of a watch's body. HttpError body for a line that is cut off or no event. */
export async function* readEvents(body: AsyncIterable<Buffer>): AsyncGenerator<WatchEvent> {
  for await (const line of readLines(body)) yield parseEvent(line)
}

async function* readLines(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let parts: Buffer[] = []
  let bytes = 0
  for await (const chunk of body) {
    let start = 0
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      parts.push(chunk.subarray(start, end))
      const line = parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts)
      parts = []
      bytes = 0
      start = end + 1
      if (line.length > 0) yield line
    }
    if (start === chunk.length) continue
    parts.push(chunk.subarray(start))
    bytes += chunk.length - start
    if (bytes > maxLineBytes) throw new HttpError('too-large', `a watch event of more than ${maxLineBytes} bytes`)
  }
  if (parts.length > 0) throw new HttpError('body', 'a watch event was cut off')
}

const newline = 0x0a

function parseEvent(line: Buffer): WatchEvent {
  const event = parse(line)
  const [type, object] = [fieldAt(event, 'type'), fieldAt(event, 'object')]
  const version = fieldAt(object, 'metadata', 'resourceVersion')
  const resourceVersion = typeof version === 'string' && version !== '' ? version : undefined
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      return { type, object, resourceVersion }
    case 'BOOKMARK':
      return { type, resourceVersion }
    case 'ERROR':
      return { type, object }
    default:
      throw new HttpError('body', 'a watch event of an unknown type')
  }
}

function parse(line: Buffer): unknown {
  try {
    return JSON.parse(line.toString('utf8'))
  } catch (error) {
    throw new HttpError('body', 'a watch event is no JSON', { cause: error })
  }
}
