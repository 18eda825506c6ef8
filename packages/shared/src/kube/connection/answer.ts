import { HttpError, type Headers, type WireResponse } from '@weir/shared/http'

export interface AnswerLimit {
  readonly maxBytes: number
  readonly what: string
}

/** The whole body. HttpError too-large, body, aborted. */
export async function readAnswer({ body }: WireResponse, { maxBytes, what }: AnswerLimit): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > maxBytes) throw new HttpError('too-large', `${what}: an answer of more than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)
}

/** JSON; undefined for an empty body or one that is no JSON (a proxy's error page). HttpError body for JSON that does not parse. */
export function parseAnswer(bytes: Buffer, headers: Headers): unknown {
  const type = headers['content-type']
  if (bytes.length === 0 || typeof type !== 'string' || !type.startsWith('application/json')) return undefined
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch (error) {
    throw new HttpError('body', 'the answer is no JSON', { cause: error })
  }
}
