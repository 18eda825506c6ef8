import type { Headers } from './http.ts'

export interface WireRequest {
  /** `https://host:port` */
  readonly origin: string
  /** Sent as it is: encoded by the caller, with the query. */
  readonly path: string
  readonly method: string
  readonly headers: Headers
  readonly body?: string | Buffer
  readonly signal: AbortSignal
}

export interface WireResponse {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Headers
  /** Must be read to its end, or left (`return()`), else the connection stays taken. HttpError body, aborted. */
  readonly body: AsyncIterable<Buffer>
}

/** A whole answer. */
export interface WireAnswer extends Pick<WireResponse, 'status' | 'headers'> {
  readonly bytes: Buffer
}

/** As undici takes them. */
export function present(headers: Headers): Record<string, string | string[]> {
  const sent: Record<string, string | string[]> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value === 'string') sent[name] = value
    else if (value !== undefined) sent[name] = [...value]
  }
  return sent
}
