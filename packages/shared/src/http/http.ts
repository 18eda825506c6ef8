import { setTimeout as pause } from 'node:timers/promises'
import { redact, type Telemetry } from '@weir/shared/telemetry'
import { collectBody, excerptBody, limitBody, refuseDeclaredSize, superviseBody } from './body.ts'
import { startDeadline, type Deadline } from './deadline.ts'
import { HttpError } from './http-error.ts'
import { isRedirect, nextHop, type Hop } from './redirect.ts'
import { pauseMs, retryAfterMs } from './retry.ts'
import type { TlsOptions } from './tls.ts'
import { createWire, type Wire } from './wire.ts'
import type { WireResponse } from './wire-request.ts'

export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>

export interface HttpRequest {
  /** http or https; userinfo becomes basic authentication. */
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
  /** Cuts what runs. */
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
  const client = createClient(options)
  return {
    async request(request) {
      const exchange = begin(client, request)
      try {
        return await retry(exchange, async () => {
          const answer = await follow(exchange)
          return { ...answer, body: await collectBody(answer.body, exchange) }
        })
      } finally {
        exchange.deadline.end()
      }
    },
    async stream(request) {
      const exchange = begin(client, request)
      try {
        const answer = await retry(exchange, () => follow(exchange))
        return { ...answer, body: superviseBody(limitBody(answer.body, exchange), exchange.deadline, exchange.what) }
      } catch (error) {
        exchange.deadline.end()
        throw error
      }
    },
    async close() {
      await Promise.all([client.own.destroy(), client.foreign.destroy()])
    },
  }
}

interface Client {
  readonly telemetry: Telemetry
  readonly userAgent: string
  readonly own: Wire
  /** For other origins than the one that was asked for: no client certificate, no pinned name. */
  readonly foreign: Wire
}

function createClient({ telemetry, tls, proxy, userAgent = 'weir', connections = 32 }: HttpOptions): Client {
  const shared = { connections, ...(proxy !== undefined && { proxy }) }
  const foreignTls = tls?.ca === undefined ? {} : { ca: tls.ca }
  return {
    telemetry,
    userAgent,
    own: createWire({ ...shared, ...(tls && { tls }) }),
    foreign: createWire({ ...shared, tls: foreignTls }),
  }
}

interface Exchange {
  readonly client: Client
  readonly request: HttpRequest
  readonly method: string
  readonly first: Hop
  readonly deadline: Deadline
  readonly maxBytes: number
  readonly what: string
}

function begin(client: Client, request: HttpRequest): Exchange {
  const url = URL.canParse(request.url) ? new URL(request.url) : undefined
  if (!url || !['http:', 'https:'].includes(url.protocol)) throw new HttpError('address', redact(`${JSON.stringify(request.url)} is no http or https URL`))
  const method = request.method ?? 'GET'
  const headers: Record<string, string | readonly string[] | undefined> = { 'user-agent': client.userAgent }
  if (url.username !== '') headers['authorization'] = basic(url)
  for (const [name, value] of Object.entries(request.headers ?? {})) headers[name.toLowerCase()] = value
  url.username = ''
  url.password = ''
  url.hash = ''
  return {
    client,
    request,
    method,
    first: { url, headers, foreign: false },
    deadline: startDeadline(request.deadlineMs, request.signal),
    maxBytes: request.maxBytes,
    what: `${method} ${bare(url)}`,
  }
}

function basic(url: URL): string {
  const login = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
  return `Basic ${Buffer.from(login).toString('base64')}`
}

/** For messages: a query may hold a token. */
function bare(url: URL): string {
  return `${url.origin}${url.pathname}`
}

async function retry<T>({ client, request, method, deadline, what }: Exchange, run: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await run()
    } catch (error) {
      if (!(error instanceof HttpError)) throw error
      const verdict = deadline.verdict(what)
      if (verdict) throw verdict
      const ms = pauseMs(error, { method, tries, retries: request.retries ?? 0, leftMs: deadline.leftMs(), random: Math.random() })
      if (ms === undefined) throw error
      client.telemetry.log.debug('request is tried again', { request: what, tries, pauseMs: ms, error: error.message })
      await pause(ms, undefined, { signal: deadline.signal }).catch(() => {
        throw deadline.verdict(what) ?? error
      })
    }
  }
}

async function follow(exchange: Exchange): Promise<HttpResponse<AsyncIterable<Buffer>>> {
  const { request, method, what } = exchange
  const accept = request.accept ?? ((status: number) => status < 400)
  let hop = exchange.first
  for (let left = request.redirects ?? 0; ; left--) {
    const answer = await sendOnce(exchange, hop)
    const { status, headers } = answer
    if (isRedirect(status) && !request.accept?.(status)) {
      await excerptBody(answer.body, 64 * 1024)
      if (left <= 0 || !['GET', 'HEAD'].includes(method)) throw new HttpError('redirect', `${what}: HTTP ${status}, not followed`, { status })
      hop = nextHop(hop, text(headers['location']), what)
      continue
    }
    if (!accept(status)) throw await statusError(exchange, answer)
    refuseDeclaredSize(method === 'HEAD' ? {} : headers, exchange)
    return { status, headers, url: bare(hop.url), body: answer.body }
  }
}

function sendOnce({ client, request, method, deadline }: Exchange, { url, headers, foreign }: Hop): Promise<WireResponse> {
  const wire = foreign ? client.foreign : client.own
  return wire.send({
    origin: url.origin,
    path: `${url.pathname}${url.search}`,
    method,
    headers,
    ...(request.body !== undefined && { body: request.body }),
    signal: deadline.signal,
  })
}

async function statusError({ what }: Exchange, { status, headers, body }: WireResponse): Promise<HttpError> {
  const afterMs = retryAfterMs(text(headers['retry-after']), new Date())
  const excerpt = await excerptBody(body, 2048)
  return new HttpError('status', `${what}: HTTP ${status}`, { status, excerpt, ...(afterMs !== undefined && { retryAfterMs: afterMs }) })
}

function text(header: string | readonly string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : header?.[0]
}
