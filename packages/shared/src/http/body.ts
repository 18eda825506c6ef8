import type { Deadline } from './deadline.ts'
import { HttpError } from './http-error.ts'
import type { Headers } from './http.ts'

export interface BodyLimit {
  readonly maxBytes: number
  /** `GET https://host/path` */
  readonly what: string
}

/** HttpError 'too-large' before a byte is read, where the peer says how much will come. */
export function refuseDeclaredSize(headers: Headers, { maxBytes, what }: BodyLimit): void {
  if (Number(headers['content-length'] ?? 0) > maxBytes) throw tooLarge(what, maxBytes)
}

/** The body, cut with 'too-large' at the first chunk past the limit. */
export async function* limitBody(body: AsyncIterable<Buffer>, { maxBytes, what }: BodyLimit): AsyncGenerator<Buffer> {
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > maxBytes) throw tooLarge(what, maxBytes)
    yield chunk
  }
}

/** The whole body. */
export async function collectBody(body: AsyncIterable<Buffer>, limit: BodyLimit): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of limitBody(body, limit)) chunks.push(chunk)
  return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)
}

/** Its first bytes as text, for a look at an answer that is no good. Never throws. */
export async function excerptBody(body: AsyncIterable<Buffer>, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of body) {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes >= maxBytes) break
    }
  } catch {
    // The status is the news; a broken body behind it adds nothing.
  }
  return Buffer.concat(chunks).subarray(0, maxBytes).toString('utf8')
}

/** Hands a body on under its deadline, and lets go of the deadline at its end. */
export async function* superviseBody(body: AsyncIterable<Buffer>, deadline: Deadline, what: string): AsyncIterable<Buffer> {
  try {
    yield* body
  } catch (error) {
    throw deadline.verdict(what) ?? error
  } finally {
    deadline.end()
  }
}

function tooLarge(what: string, maxBytes: number): HttpError {
  return new HttpError('too-large', `${what}: more than ${maxBytes} bytes`)
}
