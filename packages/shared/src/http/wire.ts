import { Agent, ProxyAgent, type Dispatcher } from 'undici'
import type { TlsOptions } from './tls.ts'
import { bodyError, sendError } from './wire-error.ts'
import { exchange } from './wire-exchange.ts'
import { present, type WireAnswer, type WireRequest, type WireResponse } from './wire-request.ts'

/** One exchange at a time over kept connections: no retry, no redirect. This file and wire-exchange.ts alone know undici. */
export interface Wire {
  /** The whole answer, whatever its status. HttpError as of `send` and of its body, and too-large. */
  exchange(request: WireRequest, maxBytes: number): Promise<WireAnswer>
  /** Resolves at the headers, whatever the status. HttpError unreachable, tls, address; when the signal fires: aborted. */
  send(request: WireRequest): Promise<WireResponse>
  /** Lets what runs end; new requests fail. */
  close(): Promise<void>
  /** Cuts what runs. */
  destroy(): Promise<void>
}

export interface WireOptions {
  readonly tls?: TlsOptions
  /** URL of an HTTP proxy; userinfo in it is used. */
  readonly proxy?: string
  /** To one origin; undefined: no limit, as for watches. */
  readonly connections?: number
}

export function createWire(options: WireOptions): Wire {
  const dispatcher = createDispatcher(options)
  return {
    exchange: (request, maxBytes) => exchange(dispatcher, { request, maxBytes }),
    send: (request) => send(dispatcher, request),
    close: () => dispatcher.close(),
    destroy: () => dispatcher.destroy(),
  }
}

function createDispatcher({ tls, proxy, connections }: WireOptions): Dispatcher {
  // Deadlines are the caller's: undici's own would end a quiet watch. HTTP/1: over HTTP/2 repeated headers (Impersonate-Group) are
  // joined into one wrong value. 30 s of keep-alive probes stay below the idle timeout of cloud load balancers.
  const options: Agent.Options = {
    connections: connections ?? null,
    allowH2: false,
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: 30_000,
  }
  const secure = { ...secureOptions(tls), keepAlive: true, keepAliveInitialDelay: 30_000, timeout: 10_000 }
  if (proxy === undefined) return new Agent({ ...options, connect: secure })
  return new ProxyAgent({ ...options, uri: proxy, requestTls: secure, connect: { timeout: 10_000 } })
}

function secureOptions(tls: TlsOptions = {}) {
  return {
    ...(tls.ca !== undefined && { ca: tls.ca }),
    ...(tls.cert !== undefined && { cert: tls.cert }),
    ...(tls.key !== undefined && { key: tls.key }),
    ...(tls.servername !== undefined && { servername: tls.servername }),
    ...(tls.insecureSkipVerify === true && { rejectUnauthorized: false }),
  }
}

async function send(dispatcher: Dispatcher, request: WireRequest): Promise<WireResponse> {
  const { origin, path, method, headers, body, signal } = request
  const what = `${method} ${origin}${path.split('?', 1)[0]}`
  try {
    const answer = await dispatcher.request({
      origin,
      path,
      method: method as Dispatcher.HttpMethod,
      headers: present(headers),
      body: body ?? null,
      signal,
    })
    return { status: answer.statusCode, headers: answer.headers, body: read(answer.body, what, signal) }
  } catch (error) {
    throw sendError(error, what, signal)
  }
}

async function* read(body: AsyncIterable<Buffer>, what: string, signal: AbortSignal): AsyncIterable<Buffer> {
  try {
    for await (const chunk of body) yield chunk
  } catch (error) {
    throw bodyError(error, what, signal)
  }
}
