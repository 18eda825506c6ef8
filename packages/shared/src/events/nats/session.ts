import { setTimeout as sleep } from 'node:timers/promises'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Log } from '@weir/shared/telemetry'
import type { Login, ServerAddress } from './server-address.ts'
import { ensureStream } from './stream.ts'
import type { StreamLimits } from './stream.ts'

/** One connection with its stream, from a successful login until it breaks. */
export interface Session {
  readonly js: JetStreamClient
  readonly manager: JetStreamManager
  /** Ends this session: something about it is wrong that only a new one repairs (a stream that went away). */
  abandon(): void
  /** Aborted when the session is over. */
  readonly over: AbortSignal
}

export interface SessionOptions {
  readonly address: ServerAddress
  readonly name: string
  readonly log: Log
  readonly limits: StreamLimits
  /** Aborted when the bus closes. */
  readonly closing: AbortSignal
  readonly begin: (session: Session) => void
}

const connectTimeoutMs = 5_000
/** A server that does not answer two of these is gone: a stopped process keeps its sockets. */
const pingIntervalMs = 5_000
const firstRetryMs = 200
const longestRetryMs = 10_000
/** A session that held this long starts the waits anew. */
const steadyMs = 10_000

/**
 * Keeps a session, for ever: the server may come late, go away and come back without its store. One path for all of
 * it, so the client's own reconnecting is off.
 */
export async function keepSession(options: SessionOptions): Promise<void> {
  const { closing, log } = options
  const told = { error: '' }
  for (let failures = 0; !closing.aborted; ) {
    const started = performance.now()
    const error = await runSession(options, () => {
      told.error = ''
    })
    if (closing.aborted) return
    const steady = error === undefined && performance.now() - started > steadyMs
    failures = steady ? 1 : failures + 1
    const message = error === undefined ? 'connection lost' : error.message
    if (told.error !== message) log.warn('bus is away, trying again', { error: error ?? message, servers: options.address.shown })
    told.error = message
    const waitMs = Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(failures - 1, 10)) * (0.5 + Math.random() / 2)
    await sleep(waitMs, undefined, { signal: closing }).catch(() => undefined)
  }
}

/** Resolves when the session is over: undefined if it had begun, else why it could not. */
async function runSession(options: SessionOptions, onBegin: () => void): Promise<Error | undefined> {
  const connecting = openConnection(options)
  try {
    const connection = await unlessClosing(connecting, options.closing)
    if (connection === undefined) return undefined
    const manager = await jetstreamManager(connection, { timeout: connectTimeoutMs })
    await ensureStream(manager, options.limits)
    if (options.closing.aborted) return undefined
    options.log.info('bus connected', { servers: options.address.shown })
    onBegin()
    await holdSession({ connection, manager, options })
    return undefined
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  } finally {
    // not awaited: a server that is stopped never answers the goodbye
    void connecting.then((connection) => connection.close()).catch(() => undefined)
  }
}

function openConnection({ address, name }: SessionOptions): Promise<NatsConnection> {
  return connect({
    servers: [...address.servers],
    ...loginOptions(address.login),
    ...(address.tls && { tls: {} }),
    name,
    reconnect: false,
    timeout: connectTimeoutMs,
    pingInterval: pingIntervalMs,
    maxPingOut: 2,
  })
}

function unlessClosing<T>(wanted: Promise<T>, closing: AbortSignal): Promise<T | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const stop = (): void => resolve(undefined)
  closing.addEventListener('abort', stop, { once: true })
  if (closing.aborted) stop()
  return Promise.race([wanted, promise]).finally(() => closing.removeEventListener('abort', stop))
}

interface Held {
  readonly connection: NatsConnection
  readonly manager: JetStreamManager
  readonly options: SessionOptions
}

async function holdSession({ connection, manager, options }: Held): Promise<void> {
  const over = new AbortController()
  const { promise: abandoned, resolve: abandon } = Promise.withResolvers<void>()
  options.closing.addEventListener('abort', () => abandon(), { once: true, signal: over.signal })
  options.begin({ js: jetstream(connection, { timeout: connectTimeoutMs }), manager, abandon, over: over.signal })
  await Promise.race([connection.closed(), abandoned])
  over.abort()
}

function loginOptions(login: Login): { user?: string; pass?: string; token?: string } {
  switch (login.kind) {
    case 'none':
      return {}
    case 'token':
      return { token: login.token }
    case 'password':
      return { user: login.user, pass: login.password }
  }
}
