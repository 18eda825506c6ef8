import { Agent, request } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Access } from './certificates/kubeconfig.ts'
import { ControlPlaneError } from './control-plane-error.ts'

/**
 * The few calls that a start needs. Not the room `kube`: that one is among what is tested and measured against the
 * control plane, and needs a server that is ready.
 */
export interface ApiClient {
  call(method: 'GET' | 'POST' | 'PATCH', path: string, body?: unknown): Promise<Answer>
  close(): void
}

export interface Answer {
  readonly status: number
  /** The decoded object; undefined if the answer is no JSON. */
  readonly body: unknown
}

const callDeadlineMs = 10_000

export function createApiClient({ url, authority, certificate, key, token, serverName, isServerTrusted }: Access): ApiClient {
  const agent = new Agent({
    keepAlive: true,
    maxSockets: 4,
    rejectUnauthorized: isServerTrusted !== true,
    ...(serverName === undefined ? {} : { servername: serverName }),
    ...(authority === undefined ? {} : { ca: authority }),
    ...(certificate === undefined || key === undefined ? {} : { cert: certificate, key }),
  })
  const base = url.replace(/\/$/, '') // a cluster behind a proxy has a path
  return {
    call: (method, path, body) => send({ agent, url: new URL(`${base}${path}`), method, body, token }),
    close: () => agent.destroy(),
  }
}

interface Call {
  readonly agent: Agent
  readonly url: URL
  readonly method: string
  readonly body: unknown
  readonly token: string | undefined
}

function send({ agent, url, method, body, token }: Call): Promise<Answer> {
  const type = method === 'PATCH' ? 'application/apply-patch+yaml' : 'application/json'
  const payload = body === undefined ? undefined : JSON.stringify(body)
  return new Promise((resolve, reject) => {
    const headers = {
      accept: 'application/json',
      'user-agent': 'weir-control-plane',
      ...(payload === undefined ? {} : { 'content-type': type }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    }
    const call = request(url, { agent, method, headers, timeout: callDeadlineMs }, (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('error', reject)
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: parseJson(Buffer.concat(chunks).toString('utf8')) }))
    })
    call.on('timeout', () => call.destroy(new Error('no answer')))
    call.on('error', reject)
    call.end(payload)
  })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export interface Waiting {
  /** What is waited for, for the message of a timeout. */
  readonly what: string
  readonly deadlineMs: number
  readonly everyMs?: number
  readonly signal?: AbortSignal | undefined
}

/** Asks again and again until the answer is yes; a question that fails is a no. ControlPlaneError `start` or `aborted`. */
export async function waitUntil(ask: () => Promise<boolean>, { what, deadlineMs, everyMs = 25, signal }: Waiting): Promise<void> {
  const endMs = performance.now() + deadlineMs
  for (;;) {
    if (signal?.aborted) throw new ControlPlaneError('aborted', `${what}: given up`, { cause: signal.reason })
    if (await ask()) return
    if (performance.now() > endMs) throw new ControlPlaneError('start', `${what}: not within ${Math.round(deadlineMs / 1000)} s`)
    await sleep(everyMs)
  }
}
