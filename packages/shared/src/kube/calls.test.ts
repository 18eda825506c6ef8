import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, describe, expect, it } from '@jest/globals'
import { serve } from '@weir/shared/http'
import { quietTelemetry } from '@weir/shared/telemetry'
import { loadConfig } from './connection/config.ts'
import { KubeError } from './kube-error.ts'
import { createKube, type Kube, type KubeLimits } from './kube.ts'
import { configMap, configMaps, kubeconfigFor, listOf, reply, startScripted, statusOf, type Script, type ScriptedServer } from './toys/scripted-server.ts'

let server: ScriptedServer | undefined
afterEach(async () => {
  await server?.close()
  server = undefined
})

async function start(script: Script, limits: Partial<KubeLimits> = {}): Promise<ScriptedServer> {
  return (server = await startScripted(script, limits))
}

const target = { resource: configMaps, namespace: 'default', name: 'a' }
const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'default' } }
const leases = { group: 'coordination.k8s.io', version: 'v1', kind: 'Lease', plural: 'leases', namespaced: true }
const notFound = statusOf(404, 'NotFound', { details: { name: 'a', kind: 'configmaps' } })

describe('calls', () => {
  it('keep one connection for a thousand reads', async () => {
    const { kube, connections } = await start((_, response) => reply(response, configMap('a', 1)))
    for (let i = 0; i < 1000; i++) await kube.get(target)
    expect(connections()).toBeLessThanOrEqual(2)
  })

  it('renew a lease while all connections are taken', async () => {
    const held: (() => void)[] = []
    const { kube } = await start(
      (request, response) => {
        const answer = (): void => reply(response, configMap('a', 1))
        if (request.path.includes('/leases/')) return answer()
        held.push(answer)
      },
      { connections: 2 },
    )
    const reads = [1, 2, 3].map(() => kube.get(target))
    await kube.patch({ resource: leases, namespace: 'default', name: 'a' }, { type: 'merge', body: {}, ownLease: true })
    while (held.length < 2) await pause(5)
    expect(held).toHaveLength(2)
    for (const answer of held.splice(0)) answer()
    while (held.length < 1) await pause(5)
    held[0]?.()
    expect(await Promise.all(reads)).toHaveLength(3)
  })

  it("renew a lease while a user's Lease hangs in admission", async () => {
    const held: (() => void)[] = []
    const { kube } = await start(
      (request, response) => {
        const answer = (): void => reply(response, configMap('a', 1))
        if (request.path.endsWith('/leases/mine')) held.push(answer)
        else answer()
      },
      { deadlineMs: 3_000 },
    )
    const lease = (name: string) => ({ resource: leases, namespace: 'default', name })
    const applied = kube.apply(lease('mine'), { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'mine' } }, { manager: 'm', force: true })
    while (held.length === 0) await pause(5)
    expect(await kube.get(lease('ours'), { ownLease: true })).toBeDefined()
    expect(await kube.patch(lease('ours'), { type: 'merge', body: {}, ownLease: true })).toBeDefined()
    held[0]?.()
    expect(await applied).toBeDefined()
  })

  it('send what server-side apply wants, and a body of bytes as it is', async () => {
    const { kube, seen } = await start((_, response) => reply(response, configMap('a', 1)))
    await kube.apply(target, object, { manager: 'weir', force: true, dryRun: true })
    await kube.apply(target, Buffer.from('kind: ConfigMap'), { manager: 'weir', force: false })
    expect(seen.map(({ method, path, query, headers, body }) => [method, path, query.toString(), headers['content-type'], body])).toEqual([
      ['PATCH', '/api/v1/namespaces/default/configmaps/a', 'fieldManager=weir&dryRun=All&fieldValidation=Ignore&force=true', 'application/apply-patch+yaml', JSON.stringify(object)],
      ['PATCH', '/api/v1/namespaces/default/configmaps/a', 'fieldManager=weir&fieldValidation=Ignore&force=false', 'application/apply-patch+yaml', 'kind: ConfigMap'],
    ])
    expect(seen[0]?.headers).toMatchObject({ authorization: 'Bearer canary', 'user-agent': 'weir-test' })
  })

  it('send patches and preconditions', async () => {
    const { kube, seen } = await start((_, response) => reply(response, configMap('a', 1)))
    await kube.patch(target, { type: 'merge', body: { a: 1 }, subresource: 'status', manager: 'm' })
    await kube.patch(target, { type: 'json', body: [] })
    await kube.delete(target, { uid: 'u', resourceVersion: '7', propagation: 'Background', dryRun: true })
    expect(seen.map(({ path, headers }) => [headers['content-type'], path])).toEqual([
      ['application/merge-patch+json', '/api/v1/namespaces/default/configmaps/a/status'],
      ['application/json-patch+json', '/api/v1/namespaces/default/configmaps/a'],
      ['application/json', '/api/v1/namespaces/default/configmaps/a'],
    ])
    expect(JSON.parse(seen[2]?.body ?? '')).toEqual({
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      preconditions: { uid: 'u', resourceVersion: '7' },
      propagationPolicy: 'Background',
      dryRun: ['All'],
    })
  })

  it('cut a whole object down where the server knows no metadata-only answer', async () => {
    const { kube } = await start((_, response) => reply(response, { ...configMap('a', 1), data: { secret: 'x' } }))
    expect(await kube.get(target, { metadataOnly: true })).toEqual({ apiVersion: 'v1', kind: 'ConfigMap', metadata: configMap('a', 1).metadata })
  })

  it.each(['..', '.', '', 'a/b', 'a%2fb'])('refuse the name %j', async (name) => {
    const { kube, seen } = await start((_, response) => reply(response, {}))
    await expect(kube.get({ ...target, name })).rejects.toMatchObject({ code: 'bad-request' })
    expect(seen).toEqual([])
  })

  it('refuse a namespaced object without a namespace', async () => {
    const { kube } = await start((_, response) => reply(response, {}))
    await expect(kube.delete({ ...target, namespace: '' })).rejects.toMatchObject({ code: 'bad-request' })
    await expect(kube.create(configMaps, { metadata: { name: 'a' } })).rejects.toMatchObject({ code: 'bad-request' })
  })
})

describe('failures', () => {
  it.each<readonly [number, string, string]>([
    [400, 'BadRequest', 'bad-request'],
    [403, 'Forbidden', 'forbidden'],
    [405, 'MethodNotAllowed', 'method-not-allowed'],
    [409, 'Conflict', 'conflict'],
    [409, 'AlreadyExists', 'already-exists'],
    [410, 'Expired', 'gone'],
    [413, 'RequestEntityTooLarge', 'too-large'],
    [415, 'UnsupportedMediaType', 'unsupported'],
    [422, 'Invalid', 'invalid'],
  ])('%d %s is %s', async (status, reason, code) => {
    const details = { causes: [{ reason: 'FieldValueInvalid', field: 'spec.x', message: 'no' }] }
    const { kube } = await start((_, response) => reply(response, statusOf(status, reason, { details }), { status }))
    const failure: unknown = await kube.create(configMaps, object).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(KubeError)
    expect(failure).toMatchObject({ code, status, reason, causes: details.causes, message: `create ConfigMap default/a: ${reason} it is` })
  })

  it('tell an object that is not there from a kind that is not', async () => {
    const { kube } = await start((seen, response) => {
      if (seen.path.includes('configmaps')) return reply(response, notFound, { status: 404 })
      response.writeHead(404, { 'content-type': 'text/plain' }).end('404 page not found\n')
    })
    expect(await kube.get(target)).toBeUndefined()
    expect(await kube.delete(target)).toBe('not-found')
    const nowhere = { ...target, resource: { ...configMaps, group: 'none.example', plural: 'nones' } }
    await expect(kube.get(nowhere)).rejects.toMatchObject({ code: 'not-served' })
    await expect(kube.delete(nowhere)).rejects.toMatchObject({ code: 'not-served' })
    await expect(kube.list(nowhere.resource)).rejects.toMatchObject({ code: 'not-served' })
  })

  it('never hold the token', async () => {
    const { kube } = await start((_, response) => reply(response, statusOf(403, 'Forbidden', { message: 'no, it knows canary' }), { status: 403 }))
    const failure: unknown = await kube.get(target).catch((error: unknown) => error)
    expect(String(failure)).not.toContain('canary')
  })

  it('end at the deadline and at the signal', async () => {
    const { kube } = await start(() => undefined, { deadlineMs: 100 })
    await expect(kube.get(target)).rejects.toMatchObject({ code: 'timeout' })
    const abort = new AbortController()
    setTimeout(() => abort.abort(new Error('enough')), 20)
    await expect(kube.get(target, { signal: abort.signal })).rejects.toMatchObject({ code: 'aborted' })
    await expect(kube.apply(target, object, { manager: 'm', force: true, signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' })
  })

  it('of an answer past the limit are told', async () => {
    const { kube } = await start((_, response) => reply(response, { ...configMap('a', 1), data: 'x'.repeat(5_000) }), { maxAnswerBytes: 1_000 })
    await expect(kube.get(target)).rejects.toMatchObject({ code: 'too-large' })
  })
})

describe('retries', () => {
  const flaky =
    (status: number, headers: Readonly<Record<string, string>> = {}): Script =>
    (_, response, nth) => {
      if (nth === 1) reply(response, statusOf(status, 'X'), { status, headers })
      else reply(response, configMap('a', 1))
    }

  it.each([429, 500, 502, 503, 504])('a read comes back after %d', async (status) => {
    const { kube, seen } = await start(flaky(status))
    expect(await kube.get(target)).toBeDefined()
    expect(seen.length).toBe(2)
  })

  it('a read comes back after a reset, and after an answer that broke off', async () => {
    const { kube, seen } = await start((_, response, nth) => {
      if (nth === 1) return void response.destroy()
      if (nth === 2) return void response.writeHead(200, { 'content-length': 50 }).write('{', () => response.destroy())
      reply(response, configMap('a', 1))
    })
    expect(await kube.get(target)).toBeDefined()
    expect(seen.length).toBe(3)
  })

  it('a write comes back after 429, as late as it is told', async () => {
    const { kube, seen } = await start(flaky(429, { 'retry-after': '1' }))
    const began = performance.now()
    await kube.apply(target, object, { manager: 'm', force: true })
    expect(seen.length).toBe(2)
    expect(performance.now() - began).toBeGreaterThan(990)
  })

  it.each([500, 503, 504])('a write does not come back after %d', async (status) => {
    const { kube, seen } = await start(flaky(status))
    const write = (call: (kube: Kube) => Promise<unknown>): Promise<unknown> => expect(call(kube)).rejects.toMatchObject({ status })
    await write(({ create }) => create(configMaps, object))
    expect(seen.length).toBe(1)
  })

  it('a write does not come back after a reset: it may have been carried out', async () => {
    const { kube, seen } = await start((_, response) => void response.destroy())
    await expect(kube.patch(target, { type: 'merge', body: {} })).rejects.toMatchObject({ code: 'unreachable' })
    expect(seen.length).toBe(1)
  })

  it('a write comes back when nobody listened: it never left', async () => {
    const { url, close } = await startScripted(() => undefined)
    const port = new URL(url).port
    await close()
    const config = await loadConfig({ text: kubeconfigFor(url) })
    const late = await createKube({ config, userAgent: 'late', telemetry: quietTelemetry() })
    const write = late.apply(target, object, { manager: 'm', force: true })
    await pause(150)
    const again = await serve({ address: `127.0.0.1:${port}`, telemetry: quietTelemetry(), handler: (_, response) => reply(response, configMap('a', 1)) })
    expect((await write).metadata.name).toBe('a')
    await late.close()
    await again.close(0)
  })

  it('end after a few', async () => {
    const { kube, seen } = await start((_, response) => reply(response, statusOf(503, 'ServiceUnavailable'), { status: 503 }))
    await expect(kube.get(target)).rejects.toMatchObject({ code: 'server', status: 503 })
    expect(seen.length).toBe(5)
  })
})

describe('lists', () => {
  it('read every page', async () => {
    const { kube, seen } = await start(({ query }, response) => {
      reply(response, query.get('continue') === 'more' ? listOf([configMap('b', 2)], 9) : listOf([configMap('a', 1)], 9, 'more'))
    })
    const { items, resourceVersion } = await kube.list(configMaps, { labelSelector: 'a=b,c in (d)' })
    expect(items.map(({ kind, apiVersion, metadata }) => [apiVersion, kind, metadata.name])).toEqual([
      ['v1', 'ConfigMap', 'a'],
      ['v1', 'ConfigMap', 'b'],
    ])
    expect(resourceVersion).toBe('9')
    expect(seen.map(({ query }) => [query.get('limit'), query.get('labelSelector')])).toEqual([
      ['500', 'a=b,c in (d)'],
      ['500', 'a=b,c in (d)'],
    ])
  })

  it('start over in one piece when the continue token is gone', async () => {
    const { kube, seen } = await start(({ query }, response) => {
      if (query.has('continue')) reply(response, statusOf(410, 'Expired'), { status: 410 })
      else if (query.has('limit')) reply(response, listOf([configMap('a', 1)], 9, 'more'))
      else reply(response, listOf([configMap('a', 1), configMap('b', 2)], 10))
    })
    const { items } = await kube.list(configMaps)
    expect([items.length, seen.length]).toEqual([2, 3])
  })

  it('of huge objects are read in small pages', async () => {
    const { kube, seen } = await start(
      ({ query }, response) => reply(response, listOf(Array.from({ length: Number(query.get('limit')) }, (_, index) => configMap(`object-${index}`, 1)), 9)),
      { maxAnswerBytes: 10_000 },
    )
    expect((await kube.list(configMaps)).items.length).toBe(25)
    expect(seen.map(({ query }) => query.get('limit'))).toEqual(['500', '25'])
  })

  it.each([{}, { kind: 'ConfigMapList' }, { items: [] }, { metadata: { resourceVersion: '1' } }, 'x'])('do not take %j for an empty one', async (body) => {
    const { kube } = await start((_, response) => reply(response, body))
    await expect(kube.list(configMaps)).rejects.toMatchObject({ code: 'server' })
  })
})

describe('the fence', () => {
  it('refuses every write, and no read, once the lease is not held', async () => {
    const { kube, seen } = await start((_, response) => reply(response, configMap('a', 1)))
    let holds = true
    kube.fence(() => holds)
    await kube.apply(target, object, { manager: 'm', force: true })
    holds = false
    const writes = [
      kube.apply(target, object, { manager: 'm', force: true }),
      kube.create(configMaps, object),
      kube.patch(target, { type: 'merge', body: {} }),
      kube.delete(target),
    ]
    for (const write of writes) await expect(write).rejects.toMatchObject({ code: 'fenced' })
    expect(await kube.get(target)).toBeDefined()
    expect(seen.map(({ method }) => method)).toEqual(['PATCH', 'GET'])
  })

  it('is looked at again before a write is repeated', async () => {
    let holds = true
    const { kube, seen } = await start((_, response) => {
      holds = false
      reply(response, statusOf(429, 'TooManyRequests'), { status: 429 })
    })
    kube.fence(() => holds)
    await expect(kube.delete(target)).rejects.toMatchObject({ code: 'fenced' })
    expect(seen.length).toBe(1)
  })

  it('of one view does not bind another', async () => {
    const { kube, seen } = await start((_, response) => reply(response, configMap('a', 1)))
    const other = kube.as({ userAgent: 'other', impersonateUser: 'system:serviceaccount:a:b' })
    kube.fence(() => false)
    await other.delete(target)
    expect(seen[0]?.headers).toMatchObject({ 'user-agent': 'other', 'impersonate-user': 'system:serviceaccount:a:b' })
  })
})

describe('who bounds how much is asked at once', () => {
  const busyTwice: Script = (_, response, nth) => (nth <= 2 ? reply(response, statusOf(429, 'TooManyRequests'), { status: 429 }) : reply(response, configMap('a', 1)))

  it('is told of every 429 of its own view, also where the call is tried again', async () => {
    const { kube } = await start(busyTwice)
    const told = { one: 0, other: 0 }
    const one = kube.as({ userAgent: 'one', onThrottled: () => void told.one++ })
    const other = kube.as({ userAgent: 'other', onThrottled: () => void told.other++ })
    await one.apply(target, object, { manager: 'm', force: true })
    expect(told).toEqual({ one: 2, other: 0 })
    await other.get(target)
    expect(told).toEqual({ one: 2, other: 2 })
  })

  it('is told of those of views without a bound of their own', async () => {
    const { url } = await start(busyTwice)
    const told = { whole: 0, view: 0 }
    const config = await loadConfig({ text: kubeconfigFor(url) })
    const kube = await createKube({ config, userAgent: 'whole', telemetry: quietTelemetry(), onThrottled: () => void told.whole++ })
    await kube.as({ userAgent: 'view' }).get(target)
    expect(told).toEqual({ whole: 2, view: 0 })
    const view = kube.as({ onThrottled: () => void told.view++ })
    await view.as({ impersonateUser: 'system:serviceaccount:a:b' }).delete(target)
    expect(told).toEqual({ whole: 2, view: 2 })
    await kube.close()
  })
})

it('counts requests', async () => {
  const { kube, telemetry, url } = await start((_, response) => reply(response, configMap('a', 1)))
  await kube.get(target)
  expect(await telemetry.metrics.text()).toContain(`rest_client_requests_total{code="200",host="${new URL(url).host}",method="GET"} 1`)
})
