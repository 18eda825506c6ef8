import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { RequestListener } from 'node:http'
import { createServer as createHttpsServer, request as requestTls } from 'node:https'
import { connect, createServer as createTcpServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from '@jest/globals'
import { makeCertificates } from './certificates.ts'
import { describeInjections, startFaultProxy } from './fault-proxy.ts'
import type { FaultProxy, FaultProxyOptions } from './fault-proxy.ts'
import { createFaultPlan, createRandom } from './fault-rules.ts'
import type { FaultRule } from './fault-rules.ts'

const cleanups: Array<() => Promise<unknown>> = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** Echoes POST bodies, answers GET with a fixed body, and never ends /watch. */
async function startTarget() {
  const requests: string[] = []
  const onRequest: RequestListener = (incoming, response) => {
    requests.push(`${incoming.method} ${incoming.url}`)
    if (incoming.url?.startsWith('/watch')) {
      response.writeHead(200, { 'content-type': 'application/json' })
      const timer = setInterval(() => response.write('{"type":"ADDED"}\n'), 20)
      response.on('close', () => {
        clearInterval(timer)
        requests.push('closed')
      })
      return
    }
    if (incoming.method === 'POST') {
      response.writeHead(201)
      incoming.pipe(response)
      return
    }
    response.writeHead(200, { 'content-length': 1000, etag: '"1"' })
    response.end('x'.repeat(1000))
  }
  const server = createServer(onRequest)
  const port = await listen(server)
  cleanups.push(async () => {
    server.close()
    server.closeAllConnections()
  })
  return { requests, url: `http://127.0.0.1:${port}` }
}

async function start(options: FaultProxyOptions): Promise<FaultProxy> {
  const proxy = await startFaultProxy(options)
  cleanups.push(proxy.close)
  return proxy
}

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: string
  readonly error: string | undefined
}

/** A request whose broken body is an answer too. */
async function ask(url: string, options: { readonly method?: string; readonly body?: string; readonly forMs?: number } = {}): Promise<Answer> {
  const { promise, resolve } = Promise.withResolvers<Answer>()
  const begun: { answer: ((error?: Error) => void) | undefined } = { answer: undefined }
  const outgoing = request(url, { method: options.method ?? 'GET', agent: false }, (response) => {
    const chunks: Buffer[] = []
    const answer = (error?: Error): void =>
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString(), error: error?.message })
    begun.answer = answer
    response.on('data', (chunk: Buffer) => chunks.push(chunk))
    response.on('end', () => answer())
    response.on('error', answer)
    if (options.forMs !== undefined) setTimeout(() => outgoing.destroy(), options.forMs)
  })
  outgoing.on('error', (error) => begun.answer?.(error) ?? resolve({ status: 0, headers: {}, body: '', error: error.message }))
  outgoing.end(options.body)
  return promise
}

describe('fault proxy', () => {
  it('changes nothing without rules', async () => {
    const target = await startTarget()
    const proxy = await start({ target: target.url, seed: 1 })
    expect(await ask(`${proxy.url}/a?b=1`)).toMatchObject({ status: 200, headers: { 'content-length': '1000', etag: '"1"' }, body: 'x'.repeat(1000), error: undefined })
    expect(await ask(`${proxy.url}/a`, { method: 'POST', body: 'hello' })).toMatchObject({ status: 201, body: 'hello' })
    expect(target.requests).toEqual(['GET /a?b=1', 'POST /a'])
    expect(proxy.injected()).toEqual([])
  })

  it.each([409, 410, 429, 500, 503] as const)('answers %d in place of the target', async (status) => {
    const target = await startTarget()
    const proxy = await start({ target: target.url, seed: 1, rules: [{ fault: { kind: 'status', status, retryAfterSeconds: 3 }, methods: ['POST'], count: 1 }] })
    const answer = await ask(`${proxy.url}/a`, { method: 'POST', body: 'x' })
    expect(answer).toMatchObject({ status, headers: { 'retry-after': '3' } })
    expect(JSON.parse(answer.body)).toMatchObject({ kind: 'Status', code: status })
    expect(target.requests).toEqual([])
    expect((await ask(`${proxy.url}/a`, { method: 'POST', body: 'x' })).status).toBe(201)
    expect(proxy.injected()).toEqual([{ fault: { kind: 'status', status, retryAfterSeconds: 3 }, method: 'POST', path: '/a' }])
  })

  it('resets before the target sees the request, or after it has answered', async () => {
    const target = await startTarget()
    const proxy = await start({ target: target.url, seed: 1, rules: [{ fault: { kind: 'reset', at: 'request' } }] })
    expect(await ask(`${proxy.url}/a`)).toMatchObject({ status: 0, error: expect.stringMatching(/ECONNRESET|hang up/) })
    expect(target.requests).toEqual([])
    proxy.use([{ fault: { kind: 'reset', at: 'response' } }])
    expect((await ask(`${proxy.url}/a`, { method: 'POST', body: 'x' })).status).toBe(0)
    expect(target.requests).toEqual(['POST /a'])
  })

  it('stalls the request or the answer', async () => {
    const target = await startTarget()
    const proxy = await start({ target: target.url, seed: 1, rules: [{ fault: { kind: 'stall', at: 'request', ms: 200 } }] })
    const asked = ask(`${proxy.url}/a`)
    await sleep(100)
    expect(target.requests).toEqual([])
    expect((await asked).status).toBe(200)
    proxy.use([{ fault: { kind: 'stall', at: 'response', ms: 200 } }])
    const started = performance.now()
    await ask(`${proxy.url}/a`)
    expect(performance.now() - started).toBeGreaterThan(190)
  })

  it('cuts a watch after bytes or time, and closes it at the target', async () => {
    const target = await startTarget()
    const proxy = await start({ target: target.url, seed: 1, rules: [{ fault: { kind: 'cut', afterBytes: 40 }, path: /watch/ }] })
    const cut = await ask(`${proxy.url}/watch`)
    expect(cut).toMatchObject({ status: 200, error: expect.any(String) })
    expect(cut.body).toHaveLength(40)
    proxy.use([{ fault: { kind: 'cut', afterMs: 100 } }])
    const late = await ask(`${proxy.url}/watch`)
    expect(late.error).toBeDefined()
    expect(late.body.length).toBeGreaterThan(0)
    await until(() => target.requests.filter((entry) => entry === 'closed').length === 2)
  })

  it('tells the target when the client goes away', async () => {
    const target = await startTarget()
    const proxy = await start({ target: target.url, seed: 1 })
    await ask(`${proxy.url}/watch`, { forMs: 100 })
    await until(() => target.requests.includes('closed'))
  })

  it('slows and truncates bodies', async () => {
    const target = await startTarget()
    const proxy = await start({ target: target.url, seed: 1, rules: [{ fault: { kind: 'slow', bytesPerSecond: 2_000 } }] })
    const started = performance.now()
    expect((await ask(`${proxy.url}/a`)).body).toHaveLength(1_000)
    expect(performance.now() - started).toBeGreaterThan(400)
    proxy.use([{ fault: { kind: 'truncate', keepBytes: 300 } }])
    const truncated = await ask(`${proxy.url}/a`)
    expect(truncated).toMatchObject({ status: 200, headers: { 'content-length': '1000' }, error: expect.any(String) })
    expect(truncated.body).toHaveLength(300)
  })

  it('duplicates requests and lines', async () => {
    const target = await startTarget()
    const proxy = await start({ target: target.url, seed: 1, rules: [{ fault: { kind: 'duplicate-request' } }] })
    expect(await ask(`${proxy.url}/a`, { method: 'POST', body: 'hello' })).toMatchObject({ status: 201, body: 'hello' })
    expect(target.requests).toEqual(['POST /a', 'POST /a'])
    proxy.use([{ fault: { kind: 'duplicate-lines' } }])
    expect(await ask(`${proxy.url}/a`, { method: 'POST', body: 'one\ntwo\nrest' })).toMatchObject({ body: 'one\none\ntwo\ntwo\nrest' })
  })

  it('ends a watch with the event of an expired version', async () => {
    const target = await startTarget()
    const proxy = await start({ target: target.url, seed: 1, rules: [{ fault: { kind: 'gone-event', afterMs: 100 } }] })
    const { body, error } = await ask(`${proxy.url}/watch`)
    expect(error).toBeUndefined()
    expect(JSON.parse(body.trim().split('\n').at(-1) ?? '')).toMatchObject({ type: 'ERROR', object: { code: 410, reason: 'Expired' } })
  })

  it('breaks what is open on demand, and when the target is gone', async () => {
    const target = await startTarget()
    const proxy = await start({ target: target.url, seed: 1 })
    const open = ask(`${proxy.url}/watch`)
    await until(() => target.requests.length === 1)
    proxy.breakAll()
    expect((await open).error).toBeDefined()
    const lost = await start({ target: 'http://127.0.0.1:9', seed: 1 })
    expect((await ask(`${lost.url}/`)).status).toBe(0)
  })

  it('carries any protocol over tcp, and breaks it', async () => {
    const echo = createTcpServer((socket) => socket.pipe(socket))
    const port = await listen(echo)
    cleanups.push(async () => echo.close())
    const proxy = await start({ target: `tcp://127.0.0.1:${port}`, seed: 1 })
    expect(await exchange(proxy.port, 'hello')).toBe('hello')
    proxy.use([{ fault: { kind: 'reset', at: 'request' } }])
    expect(await exchange(proxy.port, 'hello')).toMatch(/reset: /)
    proxy.use([{ fault: { kind: 'cut', afterBytes: 3 } }])
    expect(await exchange(proxy.port, 'hello')).toBe('reset: hel')
  })

  it('speaks TLS on both sides and shows the target its own client certificate', async () => {
    const { ca, server, client } = await makeCertificates()
    const target = createHttpsServer({ ...server, ca, requestCert: true, rejectUnauthorized: true }, (incoming, response) => {
      response.end('getPeerCertificate' in incoming.socket ? 'seen' : 'unseen')
    })
    const port = await listen(target)
    cleanups.push(async () => {
      target.close()
      target.closeAllConnections()
    })
    const proxy = await start({ target: `https://127.0.0.1:${port}`, seed: 1, tls: server, targetTls: { ca, ...client } })
    const askTls = async (): Promise<string> => {
      const { promise, resolve } = Promise.withResolvers<string>()
      const outgoing = requestTls(proxy.url, { ca, agent: false }, (response) => {
        response.on('data', (chunk: Buffer) => resolve(`${response.statusCode} ${chunk.toString()}`))
      })
      outgoing.on('error', () => resolve('broken'))
      outgoing.end()
      return promise
    }
    expect(await askTls()).toBe('200 seen')
    proxy.use([{ fault: { kind: 'reset', at: 'response' } }])
    expect(await askTls()).toBe('broken')
  })

  it('says the seed and what was injected', async () => {
    const target = await startTarget()
    const proxy = await start({ target: target.url, seed: 42, rules: [{ fault: { kind: 'status', status: 503 } }] })
    await ask(`${proxy.url}/a`)
    await ask(`${proxy.url}/b`)
    expect(proxy.describe()).toBe('fault proxy: seed 42, 2 injected: 2 × status 503\n  status 503: GET /a\n  status 503: GET /b')
    expect(describeInjections(1, [])).toBe('fault proxy: seed 1, 0 injected: ')
  })
})

describe('fault plan', () => {
  const rules: readonly FaultRule[] = [
    { fault: { kind: 'status', status: 500 }, methods: ['GET'], path: /^\/a/, probability: 0.5 },
    { fault: { kind: 'status', status: 409 }, methods: ['PATCH'], skip: 1, count: 2 },
  ]
  const fates = (seed: number, requests: ReadonlyArray<readonly [string, string]>) => {
    const plan = createFaultPlan(seed, rules)
    return requests.map(([method, path]) => ({ key: `${method} ${path}`, fault: plan.choose(method, path)?.kind }))
  }
  const gets = Array.from({ length: 40 }, () => ['GET', '/a'] as const)

  it('repeats itself for one seed, and differs for another', () => {
    expect(fates(7, gets)).toEqual(fates(7, gets))
    expect(fates(7, gets)).not.toEqual(fates(8, gets))
    const struck = fates(7, gets).filter(({ fault }) => fault !== undefined).length
    expect(struck).toBeGreaterThan(8)
    expect(struck).toBeLessThan(32)
  })

  it('decides the same whatever the requests of others in between', () => {
    const mixed = gets.flatMap((one, index) => (index % 3 === 0 ? [['GET', `/a/${index}`] as const, one] : [one]))
    expect(fates(7, mixed).filter(({ key }) => key === 'GET /a')).toEqual(fates(7, gets))
  })

  it('skips, counts and filters', () => {
    const patches = Array.from({ length: 5 }, () => ['PATCH', '/x'] as const)
    expect(fates(1, [...patches, ['GET', '/b']]).map(({ fault }) => fault !== undefined)).toEqual([false, true, true, false, false, false])
  })

  it('draws the published sequence of mulberry32', () => {
    const random = createRandom(1)
    expect([random(), random(), random()]).toEqual([0.6270739405881613, 0.002735721180215478, 0.5274470399599522])
  })
})

async function exchange(port: number, text: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const chunks: Buffer[] = []
  const socket = connect(port, '127.0.0.1', () => socket.write(text))
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    if (Buffer.concat(chunks).toString() === text) socket.end()
  })
  socket.on('error', () => resolve(`reset: ${Buffer.concat(chunks).toString()}`))
  socket.on('close', () => resolve(Buffer.concat(chunks).toString()))
  return promise
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 5_000
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('waited 5 s in vain')
    await sleep(5)
  }
}
