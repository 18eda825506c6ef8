import type { IncomingMessage, ServerResponse } from 'node:http'
import { serve } from '@weir/shared/http'
import type { Telemetry } from '@weir/shared/telemetry'
import type { Health } from './health.ts'

/** The served health and metrics endpoints. */
export interface Probes {
  /** `host:port` as bound; undefined when not served. */
  readonly health: string | undefined
  readonly metrics: string | undefined
  close(): Promise<void>
}

export interface ProbesOptions {
  readonly healthAddress: string
  readonly metricsAddress: string
  readonly telemetry: Telemetry
  readonly health: Health
}

/** An address that serves nothing. */
const none = '0'

type Route = (path: string) => Promise<Answer> | Answer

interface Answer {
  readonly status: number
  readonly body: string
  readonly contentType?: string
}

/** /healthz and /readyz on one address, /metrics on the other; all on one server where the two are the same. */
export async function serveProbes({ healthAddress, metricsAddress, telemetry, health }: ProbesOptions): Promise<Probes> {
  const answerMetrics: Route = async (path) =>
    path === '/metrics' ? { status: 200, body: await telemetry.metrics.text(), contentType: telemetry.metrics.contentType } : health.answer('')
  const shared = healthAddress === metricsAddress
  const answerHealth: Route = (path) => (shared && path === '/metrics' ? answerMetrics(path) : health.answer(path))

  const healthServer = healthAddress === none ? undefined : await serveRoute(healthAddress, telemetry, answerHealth)
  const metricsServer = metricsAddress === none || shared ? undefined : await serveRoute(metricsAddress, telemetry, answerMetrics)
  return {
    health: healthServer?.address,
    metrics: shared ? healthServer?.address : metricsServer?.address,
    async close() {
      await Promise.all([healthServer?.close(), metricsServer?.close()])
    },
  }
}

function serveRoute(address: string, telemetry: Telemetry, route: Route): ReturnType<typeof serve> {
  return serve({ address, telemetry, handler: (request, response) => answer(request, response, route) })
}

async function answer(request: IncomingMessage, response: ServerResponse, route: Route): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD' }).end()
    return
  }
  const [path = ''] = (request.url ?? '').split('?')
  const { status, body, contentType = 'text/plain; charset=utf-8' } = await route(path)
  response.writeHead(status, { 'content-type': contentType, 'x-content-type-options': 'nosniff' })
  response.end(request.method === 'HEAD' ? undefined : body)
}
