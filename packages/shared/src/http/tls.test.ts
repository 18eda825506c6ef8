import { connect, createServer, type Server } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { quietTelemetry } from '@weir/shared/telemetry'
import { makeCertificates, type TestCertificates } from '@weir/shared/testing'
import { createHttp, type HttpOptions } from './http.ts'
import { serve, type HttpServer } from './serve.ts'

const telemetry = quietTelemetry()
let certificates: TestCertificates
let server: HttpServer
let plain: HttpServer

beforeAll(async () => {
  certificates = await makeCertificates()
  const { ca, server: own } = certificates
  server = await serve({
    address: '127.0.0.1:0',
    tls: { ...own, ca },
    telemetry,
    handler(request, response) {
      const location = { '/plain': plain.url, '/other': server.url.replace('127.0.0.1', 'localhost') }[request.url ?? '']
      if (location !== undefined) response.writeHead(302, { location })
      response.end('secure')
    },
  })
  plain = await serve({ address: '127.0.0.1:0', telemetry, handler: (_, response) => void response.end('plain') })
})
afterAll(() => Promise.all([server.close(0), plain.close(0)]))

async function ask(options: Omit<HttpOptions, 'telemetry'>, url = server.url): Promise<string> {
  const http = createHttp({ telemetry, ...options })
  try {
    return (await http.request({ url, deadlineMs: 5_000, maxBytes: 1_000, redirects: 2 })).body.toString()
  } finally {
    await http.close()
  }
}

describe('TLS', () => {
  it('works with the authority and a client certificate', async () => {
    expect(await ask({ tls: { ca: certificates.ca, ...certificates.client } })).toBe('secure')
  })

  it('refuses an unknown authority, another name, and a missing client certificate', async () => {
    const { ca, client } = certificates
    await expect(ask({ tls: client })).rejects.toMatchObject({ code: 'tls' })
    await expect(ask({ tls: { ca, ...client, servername: 'example.org' } })).rejects.toMatchObject({ code: 'tls' })
    await expect(ask({ tls: { ca } })).rejects.toMatchObject({ code: expect.stringMatching(/^(tls|unreachable)$/) })
  })

  it('is not left by a redirect, and the client certificate is not shown to another host', async () => {
    const tls = { ca: certificates.ca, ...certificates.client }
    await expect(ask({ tls }, `${server.url}/plain`)).rejects.toMatchObject({ code: 'redirect' })
    await expect(ask({ tls }, `${server.url}/other`)).rejects.toMatchObject({ code: expect.stringMatching(/^(tls|unreachable)$/) })
  })
})

describe('a proxy', () => {
  it('is tunnelled through, with its login', async () => {
    const seen: string[] = []
    const proxy = await startTunnel(seen)
    const { port } = proxy.address() as { port: number }
    const tls = { ca: certificates.ca, ...certificates.client }
    expect(await ask({ tls, proxy: `http://user:pass@127.0.0.1:${port}` })).toBe('secure')
    expect(seen[0]).toContain(`CONNECT 127.0.0.1:${server.port}`)
    expect(seen[0]).toContain(`Basic ${Buffer.from('user:pass').toString('base64')}`)
    await new Promise((resolve) => proxy.close(resolve))
  })
})

/** Bare CONNECT. */
function startTunnel(seen: string[]): Promise<Server> {
  const proxy = createServer((client) => {
    client.once('data', (head) => {
      seen.push(head.toString())
      const [host = '', port = ''] = /CONNECT (\S+):(\d+)/.exec(head.toString())?.slice(1) ?? []
      const upstream = connect(Number(port), host, () => {
        client.write('HTTP/1.1 200 OK\r\n\r\n')
        client.pipe(upstream).pipe(client)
      })
      for (const socket of [client, upstream]) socket.on('error', () => upstream.destroy())
      client.on('close', () => upstream.destroy())
    })
  })
  return new Promise((resolve) => proxy.listen(0, '127.0.0.1', () => resolve(proxy)))
}
