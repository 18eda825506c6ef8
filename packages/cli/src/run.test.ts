import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { serve, type HttpServer } from '@weir/shared/http'
import { quietTelemetry } from '@weir/shared/telemetry'
import { runControllers } from './run.ts'

/** An API server that is away until told otherwise, and then knows one namespace and no kinds. */
interface Api {
  readonly server: HttpServer
  readonly asked: string[]
  up: boolean
}

let api: Api
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-run-'))
  const asked: string[] = []
  const server = await serve({
    address: '127.0.0.1:0',
    telemetry: quietTelemetry(),
    handler({ url = '' }, response) {
      if (!api.up) return void response.writeHead(503).end()
      asked.push(url)
      const found = url.startsWith('/api/v1/namespaces/kube-system')
      response.writeHead(found ? 200 : 404, { 'content-type': 'application/json' })
      response.end(JSON.stringify(found ? { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kube-system', uid: 'u-1', resourceVersion: '1' } } : { kind: 'Status', code: 404, reason: 'NotFound' }))
    },
  })
  api = { server, asked, up: false }
})

afterAll(async () => {
  await api.server.close()
  await rm(folder, { recursive: true, force: true })
})

describe('runControllers', () => {
  it('works while the API server is away, also with a bus that is named after the cluster; the bus joins later', async () => {
    const lines: string[] = []
    const stop = new AbortController()
    const ended = runControllers({
      controllers: ['source-controller'],
      argv: [`--storage-path=${join(folder, 'artifacts')}`, '--storage-addr=127.0.0.1:0', '--health-addr=127.0.0.1:0', '--metrics-addr=0', '--nats-url=nats://127.0.0.1:9'],
      env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
      connection: () => ({ text: kubeconfigOf(api.server.url) }),
      say: (message) => void lines.push(message),
      stop: stop.signal,
      writeLog: (line) => void lines.push(line),
    })
    const state: { code?: number } = {}
    void ended.then((code) => (state.code = code))
    const until = async (holds: () => boolean): Promise<void> => {
      while (!holds()) {
        if (state.code !== undefined) throw new Error(`ended with ${state.code}:\n${lines.join('')}`)
        await sleep(20)
      }
    }
    await until(() => lines.some((line) => line.includes('name of the cluster not read')))
    const { health } = lines.map((line) => JSON.parse(line) as { readonly msg: string; readonly health?: string }).find(({ msg }) => msg === 'serving') ?? {}
    expect((await fetch(`http://${health}/healthz`)).status).toBe(200)
    expect((await fetch(`http://${health}/readyz`)).status).toBe(500)
    expect(api.asked).toEqual([])
    api.up = true
    await until(() => api.asked.includes('/api/v1/namespaces/kube-system'))
    await until(() => lines.some((line) => line.includes('bus is away, trying again'))) // it is there now, and looks for its server
    stop.abort()
    expect(await ended).toBe(0)
  })
})

function kubeconfigOf(server: string): string {
  return JSON.stringify({
    'current-context': 'c',
    contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
    clusters: [{ name: 'k', cluster: { server } }],
    users: [{ name: 'u', user: { token: 't' } }],
  })
}
