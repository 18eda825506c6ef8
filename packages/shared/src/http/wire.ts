import type { Headers } from './http.ts'
import type { TlsOptions } from './tls.ts'

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
  readonly headers: Headers
  /** Must be read to its end, or left (`return()`), else the connection stays taken. HttpError unreachable, body. */
  readonly body: AsyncIterable<Buffer>
}

/** One exchange at a time over kept connections: no retry, no redirect, no limit. The only place that knows undici. */
export interface Wire {
  /** Resolves at the headers, whatever the status. HttpError unreachable, tls; when the signal fires: aborted. */
  send(request: WireRequest): Promise<WireResponse>
  /** Lets what runs end; new requests fail. */
  close(): Promise<void>
  destroy(): Promise<void>
}

export interface WireOptions {
  readonly tls?: TlsOptions
  readonly proxy?: string
  /** To one origin; undefined: no limit, as for watches. */
  readonly connections?: number
}

export function createWire(options: WireOptions): Wire {
  throw new Error(`wire with ${options.connections} connections: not built yet`)
}
