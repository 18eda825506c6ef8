import type { Telemetry } from '@weir/shared/telemetry'
import type { TlsOptions } from './tls.ts'

export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>

export interface HttpRequest {
  readonly url: string
  /** Default GET. */
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly headers?: Headers
  readonly body?: string | Buffer
  /** For everything: connecting, retries, pauses, the body. */
  readonly deadlineMs: number
  /** Of the answer's body. */
  readonly maxBytes: number
  readonly signal?: AbortSignal
  /** After the first try; default 0. Which failures are tried again: retry.ts. */
  readonly retries?: number
  /** Redirects to follow, GET and HEAD only; default 0. Another origin never gets headers that could be credentials, nor the client certificate. */
  readonly redirects?: number
  /** Statuses that are an answer; default: below 400. All others throw HttpError 'status'. */
  readonly accept?: (status: number) => boolean
}

export interface HttpResponse<Body> {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Headers
  /** Without query or userinfo; differs from the request's after a redirect. */
  readonly url: string
  readonly body: Body
}

/** A bounded HTTP client. Every rejection is an HttpError. */
export interface Http {
  request(request: HttpRequest): Promise<HttpResponse<Buffer>>
  /** Resolves at the headers. Iterate the body or end the iteration: the deadline and `maxBytes` hold until then; a broken body is not tried again. */
  stream(request: HttpRequest): Promise<HttpResponse<AsyncIterable<Buffer>>>
  /** Aborts what runs. */
  close(): Promise<void>
}

export interface HttpOptions {
  readonly telemetry: Telemetry
  readonly tls?: TlsOptions
  /** URL of an HTTP proxy; userinfo in it is used. */
  readonly proxy?: string
  readonly userAgent?: string
  /** At once to one origin; default 32. */
  readonly connections?: number
}

export function createHttp(options: HttpOptions): Http {
  throw new Error(`http client ${options.userAgent}: not built yet`)
}
