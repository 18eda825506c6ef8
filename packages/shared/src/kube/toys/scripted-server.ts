import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { serve } from '@weir/shared/http'
import { quietTelemetry, type Telemetry } from '@weir/shared/telemetry'
import { loadConfig } from '../connection/config.ts'
import { createKube, type Kube, type KubeLimits } from '../kube.ts'

export interface Seen {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

/** Answers one call; `nth` counts the calls of the same method and path, from 1. */
export type Script = (seen: Seen, response: ServerResponse, nth: number) => void | Promise<void>

/** An API server that misbehaves as told: for what a real one cannot be told to do. */
export interface ScriptedServer {
  readonly url: string
  readonly kube: Kube
  readonly telemetry: Telemetry
  readonly seen: readonly Seen[]
  /** That were ever opened. */
  connections(): number
  close(): Promise<void>
}

export async function startScripted(script: Script, limits: Partial<KubeLimits> = {}): Promise<ScriptedServer> {
  const seen: Seen[] = []
  const sockets = new Set<Socket>()
  const telemetry = quietTelemetry()
  const server = await serve({
    address: '127.0.0.1:0',
    telemetry,
    async handler(request, response, { readBody }) {
      sockets.add(request.socket)
      const url = new URL(request.url ?? '', 'http://x')
      const body = (await readBody()).toString()
      const one = { method: request.method ?? '', path: url.pathname, query: url.searchParams, headers: request.headers, body }
      seen.push(one)
      await script(one, response, seen.filter(({ method, path }) => method === one.method && path === one.path).length)
    },
  })
  const config = await loadConfig({ text: kubeconfigFor(server.url) })
  const kube = await createKube({ config, userAgent: 'weir-test', telemetry, limits: { watchPauseMs: 5, ...limits } })
  return {
    url: server.url,
    kube,
    telemetry,
    seen,
    connections: () => sockets.size,
    async close() {
      await kube.close()
      await server.close(0)
    },
  }
}

export function kubeconfigFor(server: string, user: object = { token: 'canary' }): string {
  return JSON.stringify({
    'current-context': 'c',
    contexts: [{ name: 'c', context: { cluster: 'k', user: 'u', namespace: 'n' } }],
    clusters: [{ name: 'k', cluster: { server } }],
    users: [{ name: 'u', user }],
  })
}

export function reply(response: ServerResponse, body: unknown, { status = 200, headers = {} }: { readonly status?: number; readonly headers?: Readonly<Record<string, string>> } = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(body))
}

/** An API Status. */
export function statusOf(code: number, reason: string, more: object = {}): object {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message: `${reason} it is`, ...more }
}

export const configMaps = { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true }

export function configMap(name: string, resourceVersion: string | number, more: object = {}): { readonly metadata: object } {
  return { metadata: { name, namespace: 'default', resourceVersion: String(resourceVersion), uid: `uid-${name}`, ...more } }
}

export function listOf(items: readonly object[], resourceVersion: string | number, next?: string): object {
  const metadata = { resourceVersion: String(resourceVersion), ...(next !== undefined && { continue: next }) }
  return { kind: 'ConfigMapList', apiVersion: 'v1', metadata, items }
}

export function eventLine(type: string, object: object): string {
  return `${JSON.stringify({ type, object })}\n`
}
