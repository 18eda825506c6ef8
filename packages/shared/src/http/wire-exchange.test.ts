import { afterAll, afterEach, describe, expect, it } from '@jest/globals'
import { quietTelemetry } from '@weir/shared/telemetry'
import { serve, type Answer, type HttpServer } from './serve.ts'
import { createWire } from './wire.ts'
import type { WireAnswer } from './wire-request.ts'

const telemetry = quietTelemetry()
const wire = createWire({ connections: 1 })
const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()))
})
afterAll(() => wire.destroy())

async function start(handler: Answer): Promise<HttpServer> {
  const server = await serve({ address: '127.0.0.1:0', handler, telemetry })
  closers.push(() => server.close(0))
  return server
}

interface Asking {
  readonly path?: string
  readonly body?: string
  readonly signal?: AbortSignal
  readonly maxBytes?: number
}

const ask = (origin: string, { path = '/', body, signal = new AbortController().signal, maxBytes = 1 << 20 }: Asking = {}): Promise<WireAnswer> =>
  wire.exchange({ origin, path, method: body === undefined ? 'GET' : 'POST', headers: { accept: 'text/plain' }, signal, ...(body !== undefined && { body }) }, maxBytes)

describe('an exchange', () => {
  it('is answered with the whole body, whatever the status and however it is cut into pieces', async () => {
    const server = await start(async (request, response) => {
      response.statusCode = 418
      response.setHeader('x-agent', 'pot')
      for await (const chunk of request) response.write(chunk)
      response.end('-end')
    })
    for (const body of ['short', 'x'.repeat(300_000)]) {
      const answer = await ask(server.url, { body })
      expect(answer).toMatchObject({ status: 418, headers: { 'x-agent': 'pot' } })
      expect(answer.bytes.toString()).toBe(`${body}-end`)
    }
    expect((await ask(server.url)).bytes.toString()).toBe('-end')
  })

  it('is refused past its limit, and the next one is not hurt', async () => {
    const server = await start((request, response) => void response.end('x'.repeat(request.url === '/long' ? 1_000_000 : 10)))
    await expect(ask(server.url, { path: '/long', maxBytes: 1_000 })).rejects.toMatchObject({ code: 'too-large' })
    expect((await ask(server.url, { maxBytes: 1_000 })).bytes).toHaveLength(10)
  })

  it('ends with its signal: before, while it waits for a connection, for the headers, and in the body', async () => {
    const server = await start((request, response) => {
      if (request.url === '/body') response.write('x')
    })
    const aborted = { code: 'aborted', cause: { message: 'enough' } }
    await expect(ask(server.url, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toMatchObject(aborted)
    for (const path of ['/headers', '/body']) {
      const [abort, abortQueued] = [new AbortController(), new AbortController()]
      const first = ask(server.url, { path, signal: abort.signal })
      const queued = ask(server.url, { path, signal: abortQueued.signal }) // one connection: it is taken
      setTimeout(() => abortQueued.abort(new Error('enough')), 50)
      await expect(queued).rejects.toMatchObject(aborted)
      abort.abort(new Error('enough'))
      await expect(first).rejects.toMatchObject(aborted)
    }
  })

  it('tells a request that was never sent from an answer that broke off', async () => {
    const server = await start((request, response) => {
      if (request.url === '/body') {
        response.setHeader('content-length', '100')
        response.write('x')
      }
      setTimeout(() => response.destroy(), 20)
    })
    await expect(ask(server.url, { path: '/body' })).rejects.toMatchObject({ code: 'body' })
    await expect(ask(server.url, { path: '/headers' })).rejects.toMatchObject({ code: 'unreachable', unsent: false })
    await server.close(0)
    await expect(ask(server.url)).rejects.toMatchObject({ code: 'unreachable', unsent: true })
  })
})
