import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Telemetry } from '@weir/shared/telemetry'
import { formatAddress, parseListenAddress } from './address.ts'
import { collectBody } from './body.ts'
import { HttpError } from './http-error.ts'
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
  /** More are turned away at once. Default 1024. */
  readonly maxConnections: number
}

export interface ServeOptions {
  /** `:8080`, `127.0.0.1:0`, `[::1]:9090`. */
  readonly address: string
  readonly handler: Answer
  readonly telemetry: Telemetry
  readonly limits?: Partial<ServeLimits>
  /** `cert` and `key` of this server. */
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

const defaults: ServeLimits = {
  maxHeaderBytes: 16 * 1024,
  maxBodyBytes: 1024 * 1024,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  idleTimeoutMs: 60_000,
  maxConnections: 1024,
}

/** Listens; HttpError 'address' when it cannot. */
export async function serve(options: ServeOptions): Promise<HttpServer> {
  const limits = { ...defaults, ...options.limits }
  const server = createServer(options, limits)
  const closing = new AbortController()
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    void answer(options, { request, response, maxBodyBytes: limits.maxBodyBytes, closing: closing.signal })
  })
  server.on('clientError', refuse)
  await listen(server, options.address)
  const bound = server.address() as AddressInfo
  let closed: Promise<void> | undefined
  return {
    address: formatAddress(bound.address, bound.port),
    port: bound.port,
    url: `${options.tls ? 'https' : 'http'}://${formatAddress(reachable(bound.address), bound.port)}`,
    close: (graceMs = 5_000) => (closed ??= close(server, closing, graceMs)),
  }
}

/** Not imported: the ESM namespace of node:http loads a second undici (13 MiB). */
function createServer({ tls }: ServeOptions, limits: ServeLimits): Server {
  const options = {
    maxHeaderSize: limits.maxHeaderBytes,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: Math.min(limits.idleTimeoutMs, 30_000),
    // How often the two timeouts above are looked at: a slow sender is cut at most this much late.
    connectionsCheckingInterval: Math.min(1_000, limits.headersTimeoutMs),
    noDelay: true,
  }
  const server = tls
    ? process.getBuiltinModule('node:https').createServer({ ...options, cert: tls.cert, key: tls.key, ca: tls.ca, requestCert: tls.ca !== undefined })
    : process.getBuiltinModule('node:http').createServer(options)
  server.maxHeadersCount = 100
  server.maxConnections = limits.maxConnections
  server.setTimeout(limits.idleTimeoutMs)
  return server
}

function listen(server: Server, address: string): Promise<void> {
  const { host, port } = parseListenAddress(address)
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      reject(new HttpError('address', `cannot listen on ${address}: ${error.code ?? error.message}`, { cause: error }))
    }
    server.once('error', onError)
    server.listen({ port, ...(host !== undefined && { host }) }, () => {
      server.off('error', onError)
      resolve()
    })
  })
}

function reachable(host: string): string {
  if (host === '::') return '127.0.0.1'
  return host === '0.0.0.0' ? '127.0.0.1' : host
}

interface Incoming {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly maxBodyBytes: number
  readonly closing: AbortSignal
}

async function answer({ handler, telemetry }: ServeOptions, { request, response, maxBodyBytes, closing }: Incoming): Promise<void> {
  const { socket } = request
  const gone = new AbortController()
  const onClosing = (): void => gone.abort(closing.reason)
  closing.addEventListener('abort', onClosing, { once: true })
  response.once('close', () => {
    closing.removeEventListener('abort', onClosing)
    gone.abort(new HttpError('aborted', 'the client went away'))
  })
  response.on('error', () => undefined) // told by 'close'
  response.once('finish', () => lingerFor(request, socket))
  const limit = { maxBytes: maxBodyBytes, what: `${request.method} request` }
  try {
    if (Number(request.headers['content-length'] ?? 0) > maxBodyBytes) throw new HttpError('too-large', `${limit.what}: too large`)
    await handler(request, response, {
      signal: gone.signal,
      readBody: () => collectBody(request, limit).catch((error: unknown) => rethrow(error, limit.what)),
    })
  } catch (error) {
    const status = statusOf(error)
    if (status === 500 && !gone.signal.aborted) telemetry.log.error('request not answered', { method: request.method, path: pathOf(request), error })
    finish(response, status)
  }
}

/** An answer may overtake its request's body. Node reads the rest away; not for longer than it takes the client to hear of it. */
function lingerFor(request: IncomingMessage, socket: Socket): void {
  if (request.complete) return
  setTimeout(() => {
    if (!request.complete) socket.destroy()
  }, 500).unref()
}

function rethrow(error: unknown, what: string): never {
  if (error instanceof HttpError) throw error
  throw new HttpError('body', `${what}: the body broke off`, { cause: error })
}

function statusOf(error: unknown): number {
  if (!(error instanceof HttpError)) return 500
  if (error.code === 'too-large') return 413
  return error.code === 'body' ? 400 : 500
}

function finish(response: ServerResponse, status: number): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' })
  response.end(`${status}\n`)
}

/** A query may hold a token. */
function pathOf(request: IncomingMessage): string {
  return (request.url ?? '').split('?', 1)[0] ?? ''
}

/** What never became a request. */
function refuse(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const status = { HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large', ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout' }[error.code ?? '']
  socket.end(`HTTP/1.1 ${status ?? '400 Bad Request'}\r\nconnection: close\r\n\r\n`)
}

async function close(server: Server, closing: AbortController, graceMs: number): Promise<void> {
  const ended = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  const timer = setTimeout(() => {
    closing.abort(new HttpError('aborted', 'the server closes'))
    server.closeAllConnections()
  }, graceMs)
  await ended
  clearTimeout(timer)
}
