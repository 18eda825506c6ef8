import { setTimeout as sleep } from 'node:timers/promises'
import { createWire, HttpError, startDeadline, type Deadline, type Headers, type Wire, type WireAnswer, type WireRequest, type WireResponse } from '@weir/shared/http'
import type { Counter, Telemetry } from '@weir/shared/telemetry'
import { KubeError } from '../kube-error.ts'
import type { KubeLimits } from '../kube.ts'
import { parseAnswer, readAnswer } from './answer.ts'
import type { Credentials, KubeConfig } from './config.ts'
import { callPauseMs } from './retry.ts'
import { statusError, transportError } from './status-error.ts'

/** What one call sends. */
export interface Call {
  /** Verb and object, for messages: `apply Deployment default/web`. */
  readonly what: string
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** Encoded, with its query. */
  readonly path: string
  readonly headers?: Headers
  readonly body?: string | Buffer
  readonly signal?: AbortSignal | undefined
  /** It takes or keeps a lease of this process. */
  readonly ownLease?: boolean | undefined
}

export interface CallAnswer {
  readonly status: number
  readonly headers: Headers
  /** Parsed JSON; undefined when empty. */
  readonly body: unknown
}

/** Connections to one API server, shared by all who speak to it from this process. */
export interface Connection {
  readonly config: KubeConfig
  readonly telemetry: Telemetry
  readonly limits: KubeLimits
  /** Called at each answer to anybody, whatever its status: the server is there. Whoever waits for that adds and removes itself. */
  readonly onAnswer: Set<() => void>
  readonly requests: Counter<'code' | 'host' | 'method'>
  /** The agents that match these credentials' TLS material. */
  wires(credentials: Credentials): Wires
  close(): Promise<void>
}

interface Wires {
  readonly calls: Wire
  /** Our own leases are renewed whatever else is on its way: behind busy connections they would be lost. Nobody else's call goes here. */
  readonly leases: Wire
  /** Without a limit: over HTTP/1 each watch holds a connection. */
  readonly watches: Wire
}

/** Who speaks over a connection. */
export interface Caller {
  readonly connection: Connection
  readonly userAgent: string
  readonly impersonateUser: string | undefined
  readonly onThrottled?: (() => void) | undefined
  readonly fences: readonly (() => boolean)[]
}

export type ConnectionOptions = Pick<Connection, 'config' | 'telemetry' | 'limits'>

export function createConnection({ config, telemetry, limits }: ConnectionOptions): Connection {
  let current: { readonly credentials: Credentials; readonly tlsKey: string; readonly wires: Wires } | undefined
  const create = ({ tls }: Credentials): Wires => {
    const shared = { tls, ...(config.proxy !== undefined && { proxy: config.proxy }) }
    return { calls: createWire({ ...shared, connections: limits.connections }), leases: createWire({ ...shared, connections: 1 }), watches: createWire(shared) }
  }
  return {
    config,
    telemetry,
    limits,
    onAnswer: new Set(),
    requests: telemetry.metrics.counter('rest_client_requests_total', 'Requests to the API server, by status code.', ['code', 'host', 'method']),
    wires(credentials) {
      if (current?.credentials === credentials) return current.wires
      const tlsKey = keyOf(credentials)
      const before = current
      current = before?.tlsKey === tlsKey ? { ...before, credentials } : { credentials, tlsKey, wires: create(credentials) }
      if (before && before.wires !== current.wires) retire(before.wires)
      return current.wires
    },
    async close() {
      await Promise.all(Object.values(current?.wires ?? {}).map((wire: Wire) => wire.destroy()))
    },
  }
}

/** Rotated certificates: what runs ends on the old ones. */
function retire(wires: Wires): void {
  for (const wire of Object.values<Wire>({ ...wires })) wire.close().catch(() => undefined)
}

function keyOf({ tls }: Credentials): string {
  return JSON.stringify([tls.ca, tls.cert, tls.key].map((part) => part?.toString()).concat(tls.servername, String(tls.insecureSkipVerify)))
}

/** One call, tried again as retry.ts allows, within the deadline of every call. Rejects with a KubeError. */
export async function call(caller: Caller, request: Call): Promise<CallAnswer> {
  const { limits } = caller.connection
  const deadline = startDeadline(limits.deadlineMs, request.signal)
  const write = request.method !== 'GET'
  try {
    for (let tries = 1; ; tries++) {
      const answer = await attempt(caller, request, deadline)
      if (!(answer instanceof KubeError)) return answer
      const pauseMs = callPauseMs(answer, { write, tries, leftMs: deadline.leftMs(), random: Math.random() })
      if (pauseMs === undefined || deadline.signal.aborted) throw answer
      await sleep(pauseMs, undefined, { signal: deadline.signal }).catch(() => {
        throw verdictOf(deadline, request) ?? answer
      })
    }
  } finally {
    deadline.end()
  }
}

async function attempt(caller: Caller, request: Call, deadline: Deadline): Promise<CallAnswer | KubeError> {
  try {
    const { maxAnswerBytes } = caller.connection.limits
    const { status, headers, bytes } = await sent(caller, { ...request, signal: deadline.signal }, ({ calls, leases }, prepared) =>
      (request.ownLease === true ? leases : calls).exchange(prepared, maxAnswerBytes),
    )
    if (status === 429) caller.onThrottled?.()
    const body = parseAnswer(bytes, headers)
    return status >= 400 ? statusError(request.what, status, { headers, body }) : { status, headers, body }
  } catch (error) {
    return verdictOf(deadline, request) ?? asKubeError(error)
  }
}

/** Opens a watch: resolves at its headers. Not tried again, no deadline. Rejects with a KubeError. */
export async function open(caller: Caller, request: Call & { readonly signal: AbortSignal }): Promise<AsyncIterable<Buffer>> {
  try {
    const answer = await sent(caller, request, ({ watches }, prepared) => watches.send(prepared))
    if (answer.status < 400) return answer.body
    const bytes = await readAnswer(answer, { maxBytes: 1024 * 1024, what: request.what })
    throw statusError(request.what, answer.status, { headers: answer.headers, body: parseAnswer(bytes, answer.headers) })
  } catch (error) {
    throw asKubeError(error)
  }
}

type Sent = Call & { readonly signal: AbortSignal }
type Over<T> = (wires: Wires, request: WireRequest) => Promise<T>

/** A 401 can mean that a token or certificate was rotated: they are read anew, once. The server did nothing, so a write is repeated too. */
async function sent<T extends WireAnswer | WireResponse>(caller: Caller, request: Sent, over: Over<T>): Promise<T> {
  const answer = await sendOnce(caller, request, over)
  if (answer.status !== 401) return answer
  if ('body' in answer) await readAnswer(answer, { maxBytes: 64 * 1024, what: request.what })
  const { config, telemetry } = caller.connection
  config.reload().catch((error: unknown) => telemetry.log.warn('credentials not read again', { error }))
  return sendOnce(caller, request, over)
}

async function sendOnce<T extends WireAnswer | WireResponse>(caller: Caller, { what, method, path, headers, body, signal }: Sent, over: Over<T>): Promise<T> {
  const { connection, userAgent, impersonateUser, fences } = caller
  const credentials = await orAborted(connection.config.credentials(), signal)
  if (method !== 'GET' && !fences.every((mayWrite) => mayWrite())) throw new KubeError('fenced', `${what}: refused, the lease is not held`)
  const { origin, host, pathname } = new URL(connection.config.server)
  const count = (code: string): void => connection.requests.inc({ code, host, method })
  try {
    const answer = await over(connection.wires(credentials), {
      origin,
      path: `${pathname === '/' ? '' : pathname}${path}`,
      method,
      headers: {
        accept: 'application/json',
        'user-agent': userAgent,
        ...headers,
        ...credentials.headers,
        ...(impersonateUser !== undefined && { 'impersonate-user': impersonateUser }),
      },
      ...(body !== undefined && { body }),
      signal,
    })
    count(String(answer.status))
    for (const tell of connection.onAnswer) tell()
    return answer
  } catch (error) {
    count('<error>')
    throw error
  }
}

/** An exec plugin that hangs must not outlast the call. */
function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(new HttpError('aborted', 'aborted', { cause: signal.reason }))
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

function verdictOf(deadline: Deadline, { what }: Call): KubeError | undefined {
  const verdict = deadline.verdict(what)
  return verdict && transportError(verdict)
}

function asKubeError(error: unknown): KubeError {
  if (error instanceof KubeError) return error
  if (error instanceof HttpError) return transportError(error)
  throw error
}
