import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, describe, expect, it } from '@jest/globals'
import { quietTelemetry } from '@weir/shared/telemetry'
import { createHttp } from './http.ts'
import { serve, type Answer, type HttpServer, type ServeLimits } from './serve.ts'

const telemetry = quietTelemetry()
const http = createHttp({ telemetry })
const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()))
})

async function start(handler: Answer, limits: Partial<ServeLimits> = {}): Promise<HttpServer> {
  const server = await serve({ address: '127.0.0.1:0', handler, telemetry, limits })
  closers.push(() => server.close(0))
  return server
}

const echo: Answer = async (_, response, { readBody }) => {
  response.end(await readBody())
}

function call(url: string, body?: Buffer) {
  const bounds = { deadlineMs: 5_000, maxBytes: 1 << 20, accept: () => true }
  return http.request(body ? { url, body, method: 'POST', ...bounds } : { url, ...bounds })
}

/** What a client that speaks by hand gets back, and how long the server bore with it. */
async function speak(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.write(text)
  let heard = ''
  socket.on('data', (chunk) => (heard += chunk.toString()))
  socket.on('error', () => undefined) // cut before all was said
  await new Promise((resolve) => socket.once('close', resolve))
  return heard
}

describe('serve', () => {
  it('answers, on a port of its own', async () => {
    const server = await start((request, response) => {
      response.end(`hello ${request.url}`)
    })
    expect(server.address).toBe(`127.0.0.1:${server.port}`)
    expect((await call(`${server.url}/x`)).body.toString()).toBe('hello /x')
  })

  it('says that an address is taken', async () => {
    const server = await start(echo)
    await expect(serve({ address: server.address, handler: echo, telemetry })).rejects.toMatchObject({ code: 'address' })
  })

  it('refuses a body that is too large, told in advance or not', async () => {
    const server = await start(echo, { maxBodyBytes: 10 })
    expect((await call(server.url, Buffer.alloc(10, 'a'))).body.toString()).toBe('aaaaaaaaaa')
    expect((await call(server.url, Buffer.alloc(11))).status).toBe(413)
    const chunked = 'POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n14\r\n01234567890123456789\r\n'
    expect(await speak(server.port, chunked)).toMatch(/^HTTP\/1.1 413/)
  })

  it('answers 500 to a handler that throws, without its words', async () => {
    const server = await start(() => {
      throw new Error('secret')
    })
    const answer = await call(server.url)
    expect([answer.status, answer.body.toString()]).toEqual([500, '500\n'])
  })

  it('cuts who sends headers or a body too slowly', async () => {
    const server = await start(echo, { headersTimeoutMs: 200, requestTimeoutMs: 400 })
    expect(await speak(server.port, 'GET / HTTP/1.1\r\nhost: x\r\nx-slow')).toMatch(/^HTTP\/1.1 408/)
    expect(await speak(server.port, 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nab')).toMatch(/^HTTP\/1.1 408/)
  })

  it('cuts who does not read', async () => {
    let cut = false
    const server = await start(
      async (_, response, { signal }) => {
        response.writeHead(200)
        for (let i = 0; i < 64 && !signal.aborted; i++) if (!response.write(Buffer.alloc(1 << 20))) break
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
        cut = true
      },
      { idleTimeoutMs: 300 },
    )
    const socket = connect(server.port, '127.0.0.1')
    socket.pause()
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
    for (let i = 0; i < 100 && !cut; i++) await pause(50)
    socket.destroy()
    expect(cut).toBe(true)
  })

  it('turns away who comes when it has as many connections as it may', async () => {
    const server = await start(echo, { maxConnections: 1 })
    const first = connect(server.port, '127.0.0.1')
    await once(first, 'connect')
    const asking = 'GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'
    try {
      expect(await speak(server.port, asking)).toBe('')
    } finally {
      first.destroy()
    }
  })

  it('refuses too much header, and what is no HTTP', async () => {
    const server = await start(echo, { maxHeaderBytes: 1024 })
    expect(await speak(server.port, `GET / HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(4096)}\r\n\r\n`)).toMatch(/^HTTP\/1.1 431/)
    expect(await speak(server.port, '\u0016\u0003\u0001 hello\r\n\r\n')).toMatch(/^HTTP\/1.1 400/)
  })

  it('lets a request end on close, within its grace, and takes no new one', async () => {
    let begun = (): void => undefined
    const running = new Promise<void>((resolve) => (begun = resolve))
    const server = await start(async (_, response) => {
      begun()
      await pause(200)
      response.end('done')
    })
    const answer = call(server.url)
    await running
    await server.close(5_000)
    expect((await answer).body.toString()).toBe('done')
    await expect(call(server.url)).rejects.toMatchObject({ code: 'unreachable', unsent: true })
  })

  it('cuts what outlasts the grace, and tells the handler', async () => {
    let told = false
    const server = await start(async (_, _response, { signal }) => {
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
      told = true
    })
    const answer = call(server.url)
    const refused = expect(answer).rejects.toMatchObject({ code: 'unreachable' })
    await pause(100)
    await server.close(50)
    await refused
    expect(told).toBe(true)
  })
})
