import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Telemetry } from '@weir/shared/telemetry'
import type { TlsOptions } from './tls.ts'

/** Answers one request. A throw before the headers is a 500 (HttpError too-large: 413, body: 400); after them the connection is cut. */
export type Answer = (request: IncomingMessage, response: ServerResponse, exchange: Exchange) => void | Promise<void>

export interface Exchange {
  /** The client went away, or the server closes. */
  readonly signal: AbortSignal
  /** The whole request body, at most `maxBodyBytes`. HttpError too-large, body. */
  readBody(): Promise<Buffer>
}

export interface ServeLimits {
  /** Default 16 KiB. */
  readonly maxHeaderBytes: number
  /** Of a request; default 1 MiB. */
  readonly maxBodyBytes: number
  /** Default 10 s. */
  readonly headersTimeoutMs: number
  /** The whole request, body included; default 30 s. */
  readonly requestTimeoutMs: number
  /** Not a byte either way, as with a reader that does not read; default 60 s. */
  readonly idleTimeoutMs: number
  /** Default 1024. */
  readonly maxConnections: number
}

export interface ServeOptions {
  /** `:8080`, `127.0.0.1:0`, `[::1]:9090`. */
  readonly address: string
  readonly handler: Answer
  readonly telemetry: Telemetry
  readonly limits?: Partial<ServeLimits>
  readonly tls?: TlsOptions
}

export interface HttpServer {
  /** As bound: `127.0.0.1:34567`; a wildcard stays one: `[::]:8080`. */
  readonly address: string
  readonly port: number
  /** Reachable from this machine: `http://127.0.0.1:34567`. */
  readonly url: string
  /** Answers what has begun, for at most `graceMs` (default 5 s), then cuts. Safe to call twice. */
  close(graceMs?: number): Promise<void>
}

/** Listens; HttpError 'address' when it cannot. */
export async function serve(options: ServeOptions): Promise<HttpServer> {
  throw new Error(`server on ${options.address}: not built yet`)
}
