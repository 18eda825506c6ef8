import { afterAll, afterEach, describe, expect, it } from '@jest/globals'
import { quietTelemetry } from '@weir/shared/telemetry'
import { createHttp, type HttpRequest } from './http.ts'
import { serve, type Answer, type HttpServer } from './serve.ts'

const telemetry = quietTelemetry()
const http = createHttp({ telemetry, userAgent: 'weir-test' })
const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()))
})
afterAll(() => http.close())

async function start(handler: Answer): Promise<HttpServer> {
  const server = await serve({ address: '127.0.0.1:0', handler, telemetry })
  closers.push(() => server.close(0))
  return server
}

const bounds = { deadlineMs: 5_000, maxBytes: 1 << 20 }
const ask = (url: string, more: Partial<HttpRequest> = {}) => http.request({ url, ...bounds, ...more })

describe('a request', () => {
  it('is answered with status, headers and body', async () => {
    const server = await start((request, response) => {
      response.setHeader('x-agent', request.headers['user-agent'] ?? '')
      response.end(`${request.method} ${request.url}`)
    })
    const answer = await ask(`${server.url}/a%2Fb?q=1#part`)
    expect(answer.body.toString()).toBe('GET /a%2Fb?q=1')
    expect(answer.headers['x-agent']).toBe('weir-test')
    expect(answer.url).toBe(`${server.url}/a%2Fb`)
  })

  it('sends userinfo as basic authentication and never shows it', async () => {
    const server = await start((request, response) => {
      response.statusCode = 401
      response.end(request.headers.authorization)
    })
    const failure = await ask(server.url.replace('//', '//user:canary%40@')).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'status', status: 401, excerpt: `Basic ${Buffer.from('user:canary@').toString('base64')}` })
    expect(String(failure)).not.toContain('canary')
  })

  it.each(['ftp://x/', 'nonsense', 'file:///etc/passwd', ''])('refuses %j', async (url) => {
    await expect(ask(url)).rejects.toMatchObject({ code: 'address' })
  })

  it('ends at its deadline, the body included, and no later than its signal', async () => {
    const server = await start((request, response) => {
      if (request.url === '/body') response.write('x')
    })
    for (const path of ['/', '/body']) {
      await expect(ask(server.url + path, { deadlineMs: 100 })).rejects.toMatchObject({ code: 'deadline' })
      const abort = new AbortController()
      setTimeout(() => abort.abort(new Error('enough')), 50)
      await expect(ask(server.url + path, { signal: abort.signal })).rejects.toMatchObject({ code: 'aborted', cause: { message: 'enough' } })
    }
    await expect(ask(server.url, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' })
  })

  it('stops at its byte limit, told in advance or not', async () => {
    const server = await start((request, response) => {
      if (request.url === '/told') response.setHeader('content-length', 11)
      response.write('0123456789')
      response.end('0')
    })
    for (const path of ['/told', '/untold']) {
      await expect(ask(server.url + path, { maxBytes: 10 })).rejects.toMatchObject({ code: 'too-large' })
      expect((await ask(server.url + path, { maxBytes: 11 })).body.length).toBe(11)
    }
  })

  it('tells a body that breaks off', async () => {
    const server = await start((_, response) => {
      response.setHeader('content-length', 100)
      response.write('x', () => response.destroy())
    })
    await expect(ask(server.url)).rejects.toMatchObject({ code: 'body' })
  })

  it('tells a server that is not there', async () => {
    const server = await start(() => undefined)
    await server.close(0)
    await expect(ask(server.url)).rejects.toMatchObject({ code: 'unreachable', unsent: true })
  })
})

describe('retries', () => {
  it('come back after a status that passes, and honour Retry-After', async () => {
    const seen: number[] = []
    const server = await start((_, response) => {
      seen.push(performance.now())
      if (seen.length === 1) response.setHeader('retry-after', '1')
      response.statusCode = seen.length === 1 ? 429 : 200
      response.end('ok')
    })
    expect((await ask(server.url, { retries: 2, method: 'POST', body: 'x' })).body.toString()).toBe('ok')
    expect((seen[1] ?? 0) - (seen[0] ?? 0)).toBeGreaterThanOrEqual(990)
  })

  it('do not wait for a Retry-After past the deadline', async () => {
    const server = await start((_, response) => {
      response.writeHead(503, { 'retry-after': '3600' })
      response.end()
    })
    await expect(ask(server.url, { retries: 5 })).rejects.toMatchObject({ code: 'status', status: 503, retryAfterMs: 3_600_000 })
  })

  it('repeat a read whose body broke off, never a POST', async () => {
    let count = 0
    const server = await start((_, response) => {
      count++
      if (count % 2 === 0) return void response.end('whole')
      response.setHeader('content-length', 100)
      response.write('x', () => response.destroy())
    })
    expect((await ask(server.url, { retries: 1 })).body.toString()).toBe('whole')
    await expect(ask(server.url, { retries: 1, method: 'POST' })).rejects.toMatchObject({ code: 'body' })
    expect(count).toBe(3)
  })
})

describe('redirects', () => {
  const credentials = { authorization: 'Bearer canary', cookie: 'canary', 'private-token': 'canary', accept: 'x/y' }

  it('are not followed unless asked', async () => {
    const server = await start((_, response) => void response.writeHead(302, { location: '/next' }).end())
    await expect(ask(server.url)).rejects.toMatchObject({ code: 'redirect', status: 302 })
  })

  it('never carry a credential to another origin', async () => {
    let seen: unknown
    const other = await start((request, response) => {
      seen = request.headers
      response.end('there')
    })
    const server = await start((request, response) => {
      const location = request.url === '/' ? '/same' : `${other.url}/x?token=1`
      response.writeHead(302, { location }).end()
    })
    const answer = await ask(server.url, { redirects: 3, headers: credentials })
    expect([answer.body.toString(), answer.url]).toEqual(['there', `${other.url}/x`])
    expect(seen).toMatchObject({ accept: 'x/y' })
    expect(JSON.stringify(seen)).not.toContain('canary')
  })

  it('keep them on the same origin', async () => {
    const server = await start((request, response) => {
      if (request.url === '/') response.writeHead(307, { location: '/in' })
      response.end(request.headers.authorization)
    })
    expect((await ask(server.url, { redirects: 1, headers: credentials })).body.toString()).toBe('Bearer canary')
  })

  it('end in a loop, in nowhere, and at a scheme that is no HTTP', async () => {
    const server = await start((request, response) => {
      const location = { '/loop': '/loop', '/file': 'file:///etc/passwd', '/none': undefined }[request.url ?? '']
      response.writeHead(301, location === undefined ? {} : { location }).end()
    })
    for (const path of ['/loop', '/file', '/none']) {
      await expect(ask(server.url + path, { redirects: 5 })).rejects.toMatchObject({ code: 'redirect' })
    }
  })

  it('are not followed with a body', async () => {
    const server = await start((_, response) => void response.writeHead(307, { location: '/next' }).end())
    await expect(ask(server.url, { method: 'POST', redirects: 1 })).rejects.toMatchObject({ code: 'redirect' })
  })
})

describe('a stream', () => {
  it('gives chunks as they come, under the limit and the deadline', async () => {
    const server = await start((_, response) => {
      const timer = setInterval(() => response.write('0123456789'), 5)
      response.once('close', () => clearInterval(timer))
    })
    const read = async (more: Partial<HttpRequest>): Promise<number> => {
      let bytes = 0
      const { body } = await http.stream({ url: server.url, ...bounds, ...more })
      for await (const chunk of body) bytes += chunk.length
      return bytes
    }
    await expect(read({ maxBytes: 55 })).rejects.toMatchObject({ code: 'too-large' })
    await expect(read({ deadlineMs: 100 })).rejects.toMatchObject({ code: 'deadline' })
  })

  it('can be left', async () => {
    let left = (): void => undefined
    const closed = new Promise<void>((resolve) => (left = resolve))
    const server = await start((_, response) => {
      response.once('close', left)
      response.write('x')
    })
    const { body } = await http.stream({ url: server.url, ...bounds })
    for await (const chunk of body) {
      expect(chunk.toString()).toBe('x')
      break
    }
    await closed
  })
})
