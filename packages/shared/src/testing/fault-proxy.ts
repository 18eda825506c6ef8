import { once } from 'node:events'
import { Agent as HttpAgent, createServer as createHttpServer, request as httpRequest } from 'node:http'
import type { IncomingMessage, OutgoingHttpHeaders, RequestOptions, ServerResponse } from 'node:http'
import { Agent as HttpsAgent, createServer as createHttpsServer, request as httpsRequest } from 'node:https'
import type { AddressInfo, Server, Socket } from 'node:net'
import { pipeline } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { createBodyFault } from './fault-body.ts'
import { createFaultPlan, statusBody } from './fault-rules.ts'
import type { Fault, FaultRule, Injection } from './fault-rules.ts'
import { createTcpFaultServer } from './fault-tcp.ts'

export interface FaultProxyOptions {
  /** `http://host:port`, `https://host:port`, or `tcp://host:port` for any other protocol (rules match connections). */
  readonly target: string
  readonly seed: number
  readonly rules?: readonly FaultRule[]
  /** What the proxy shows its clients: with it they speak https. PEM. A client's own certificate is not asked for. */
  readonly tls?: { readonly cert: string; readonly key: string }
  /** What the proxy trusts and shows at an https target: one proxy per identity. PEM. */
  readonly targetTls?: { readonly ca?: string; readonly cert?: string; readonly key?: string }
}

/** A loopback proxy that breaks things from a seed. */
export interface FaultProxy {
  /** With the scheme that clients must use. */
  readonly url: string
  readonly port: number
  readonly seed: number
  /** From now on these rules, and this seed if one is given. */
  use(rules: readonly FaultRule[], seed?: number): void
  injected(): readonly Injection[]
  /** Breaks every connection that is open now. */
  breakAll(): void
  /** For failure messages: the seed, and what was injected. */
  describe(): string
  close(): Promise<void>
}

export async function startFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const target = new URL(options.target)
  const plan = createFaultPlan(options.seed, options.rules ?? [])
  const exchange: Exchange = { target, targetTls: options.targetTls, choose: plan.choose, agent: agentFor(target, options) }
  const isTcp = target.protocol === 'tcp:'
  const server = isTcp ? createTcpFaultServer(target, plan) : createServer(options, exchange)
  const sockets = trackSockets(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const scheme = isTcp ? 'tcp' : options.tls === undefined ? 'http' : 'https'
  const breakAll = (): void => sockets.forEach((socket) => socket.resetAndDestroy())

  return {
    url: `${scheme}://127.0.0.1:${port}`,
    port,
    seed: options.seed,
    use: plan.use,
    injected: plan.injected,
    breakAll,
    describe: () => describeInjections(options.seed, plan.injected()),
    async close() {
      const closed = server.listening ? once(server, 'close') : undefined
      server.close()
      breakAll()
      exchange.agent.destroy()
      await closed
    },
  }
}

const shownInjections = 20

/** `fault proxy: seed 7, 3 injected: 2 × status 429, …` with the last requests, one a line. */
export function describeInjections(seed: number, injected: readonly Injection[]): string {
  const name = (fault: Fault): string => (fault.kind === 'status' ? `status ${fault.status}` : fault.kind)
  const counts = [...Map.groupBy(injected, ({ fault }) => name(fault))].map(([kind, all]) => `${all.length} × ${kind}`)
  const last = injected.slice(-shownInjections).map(({ fault, method, path }) => `  ${name(fault)}: ${method} ${path}`)
  return [`fault proxy: seed ${seed}, ${injected.length} injected: ${counts.sort().join(', ')}`, ...last].join('\n')
}

interface Exchange {
  readonly target: URL
  readonly targetTls: FaultProxyOptions['targetTls']
  readonly choose: (method: string, path: string) => Fault | undefined
  readonly agent: HttpAgent | HttpsAgent
}

function agentFor(target: URL, { targetTls }: FaultProxyOptions): HttpAgent | HttpsAgent {
  return target.protocol === 'https:' ? new HttpsAgent({ keepAlive: true, ...targetTls }) : new HttpAgent({ keepAlive: true })
}

function createServer({ tls }: FaultProxyOptions, exchange: Exchange): Server {
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    response.on('error', () => undefined)
    request.on('error', () => undefined)
    void answer({ request, response, exchange }).catch(() => request.socket.destroy())
  }
  return tls === undefined ? createHttpServer(onRequest) : createHttpsServer(tls, onRequest)
}

function trackSockets(server: Server): ReadonlySet<Socket> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
  })
  return sockets
}

interface Call {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly exchange: Exchange
}

async function answer(call: Call): Promise<void> {
  const { request, response, exchange } = call
  const fault = exchange.choose(request.method ?? 'GET', request.url ?? '/')
  const over = new AbortController()
  response.on('close', () => over.abort())
  if (fault !== undefined && (await faultBefore(call, fault, over.signal)) === 'answered') return
  if (over.signal.aborted) return
  const upstream = fault?.kind === 'duplicate-request' ? await forwardTwice(call, over.signal) : await forward(call, over.signal)
  await relay({ call, fault, over: over.signal, upstream })
}

/** What goes wrong before the target sees the request. */
async function faultBefore(call: Call, fault: Fault, over: AbortSignal): Promise<'answered' | 'going on'> {
  if (fault.kind === 'status') {
    refuse(call, fault)
    return 'answered'
  }
  if (!('at' in fault) || fault.at !== 'request') return 'going on'
  if (fault.kind === 'stall') {
    await pause(fault.ms, over)
    return 'going on'
  }
  reset(call.request)
  return 'answered'
}

async function forwardTwice(call: Call, over: AbortSignal): Promise<IncomingMessage> {
  const body = await readAll(call.request)
  await readAll(await forward(call, over, body))
  return forward(call, over, body)
}

function refuse({ request, response }: Call, fault: Extract<Fault, { kind: 'status' }>): void {
  request.resume()
  const retryAfter = fault.retryAfterSeconds === undefined ? {} : { 'retry-after': String(fault.retryAfterSeconds) }
  response.writeHead(fault.status, { 'content-type': 'application/json', ...retryAfter })
  response.end(statusBody(fault.status))
}

/** The headers of the target's answer. Rejects when it does not come. */
function forward({ request, exchange }: Call, over: AbortSignal, body?: Buffer): Promise<IncomingMessage> {
  const { target, agent } = exchange
  const options: RequestOptions = {
    host: target.hostname,
    port: target.port,
    method: request.method,
    path: request.url,
    agent,
    headers: { ...endToEnd(request.headers), host: target.host, ...(body && { 'content-length': body.length }) },
  }
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const upstream = (target.protocol === 'https:' ? httpsRequest : httpRequest)(options, resolve)
  const end = (): void => void upstream.destroy()
  upstream.on('error', reject)
  upstream.on('close', () => over.removeEventListener('abort', end))
  over.addEventListener('abort', end)
  if (body === undefined) request.pipe(upstream)
  else upstream.end(body)
  return promise
}

interface Relay {
  readonly call: Call
  readonly fault: Fault | undefined
  readonly over: AbortSignal
  readonly upstream: IncomingMessage
}

async function relay({ call: { request, response }, fault, over, upstream }: Relay): Promise<void> {
  if (fault?.kind === 'reset') {
    await readAll(upstream) // the target has done what it was asked
    return reset(request)
  }
  if (fault?.kind === 'stall' && fault.at === 'response') await pause(fault.ms, over)
  if (over.aborted) return
  const headers = endToEnd(upstream.headers)
  if (fault?.kind === 'duplicate-lines') delete headers['content-length']
  response.writeHead(upstream.statusCode ?? 502, headers)
  response.flushHeaders()
  pipeline(upstream, createBodyFault({ fault, reset: () => reset(request), end: () => void request.socket.destroy(), over }), response, (error) => {
    if (error) request.socket.destroy()
  })
}

function reset(request: IncomingMessage): void {
  // a TLS socket cannot be reset, only destroyed
  if ('encrypted' in request.socket) request.socket.destroy()
  else request.socket.resetAndDestroy()
}

/** Headers that belong to one connection stay on it (RFC 9110, 7.6.1). */
function endToEnd(headers: IncomingMessage['headers']): OutgoingHttpHeaders {
  const hop = new Set(['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'host'])
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !hop.has(name)))
}

async function readAll(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

async function pause(ms: number, over: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal: over }).catch(() => undefined)
}
