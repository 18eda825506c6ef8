import { execFile } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { afterEach, describe, expect, it } from '@jest/globals'
import { createTelemetry, quietTelemetry } from './telemetry.ts'

interface SentSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly status?: { readonly code?: number; readonly message?: string }
  readonly events?: ReadonlyArray<{ readonly name: string }>
  readonly attributes: ReadonlyArray<{ readonly key: string; readonly value: Record<string, unknown> }>
}
interface SentTraces {
  readonly resourceSpans: ReadonlyArray<{ readonly scopeSpans: ReadonlyArray<{ readonly scope: { readonly name: string }; readonly spans: readonly SentSpan[] }> }>
}

const remote = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
const cleanups: Array<() => Promise<void>> = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

async function startSink({ silent = false } = {}) {
  const spans: SentSpan[] = []
  const paths: string[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    paths.push(request.url ?? '')
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString()) as SentTraces
      spans.push(...body.resourceSpans.flatMap((resource) => resource.scopeSpans.flatMap((scope) => scope.spans)))
      if (!silent) response.end('{}')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => new Promise((resolve) => { server.close(() => resolve()); server.closeAllConnections() }))
  return { spans, paths, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

describe('traces', () => {
  it('sends nested spans below a remote parent, with failures redacted', async () => {
    const sink = await startSink()
    const lines: string[] = []
    const telemetry = createTelemetry({ controller: 'weir', otlpUrl: sink.url, write: (line) => void lines.push(line), processMetrics: false })
    const seen: Array<string | undefined> = []
    await telemetry.within(remote, () =>
      telemetry.span('reconcile', { name: 'podinfo', url: 'https://u:p@h/' }, async (span) => {
        seen.push(telemetry.traceparent())
        telemetry.log.info('inside')
        telemetry.mark('observed', { revision: 'r' })
        span.set({ outcome: 'ready' })
        await telemetry.named('kustomize-controller').span('build', {}, async () => { throw new Error('https://u:p@h/ failed') }).catch(() => undefined)
      }),
    )
    expect(telemetry.traceparent()).toBeUndefined()
    await telemetry.shutdown()
    await telemetry.shutdown()
    const outer = sink.spans.find((span) => span.name === 'reconcile')
    const inner = sink.spans.find((span) => span.name === 'build')
    expect(sink.paths[0]).toBe('/v1/traces')
    expect(outer).toMatchObject({ traceId: '0af7651916cd43dd8448eb211c80319c', parentSpanId: 'b7ad6b7169203331', events: [{ name: 'observed' }] })
    expect(inner).toMatchObject({ traceId: outer?.traceId, parentSpanId: outer?.spanId, status: { code: 2, message: 'https://***@h/ failed' } })
    expect(outer?.attributes).toContainEqual({ key: 'url', value: { stringValue: 'https://***@h/' } })
    expect(seen).toEqual([`00-${outer?.traceId}-${outer?.spanId}-01`])
    expect(JSON.parse(lines[0] ?? '{}')).toMatchObject({ trace_id: outer?.traceId, span_id: outer?.spanId })
  })

  it('keeps concurrent traces apart', async () => {
    const sink = await startSink()
    const telemetry = createTelemetry({ controller: 'weir', otlpUrl: sink.url, write: () => undefined, processMetrics: false })
    await Promise.all(['a', 'b'].map((name) => telemetry.span(name, {}, () => telemetry.span(`${name} child`, {}, async () => undefined))))
    await telemetry.shutdown()
    const byName = new Map(sink.spans.map((span) => [span.name, span]))
    for (const name of ['a', 'b']) expect(byName.get(`${name} child`)?.parentSpanId).toBe(byName.get(name)?.spanId)
    expect(byName.get('a')?.traceId).not.toBe(byName.get('b')?.traceId)
  })

  it('runs, and ends, when the receiver is absent', async () => {
    const telemetry = createTelemetry({ controller: 'weir', otlpUrl: 'http://127.0.0.1:9', write: () => undefined, processMetrics: false })
    expect(await telemetry.span('a', {}, async () => 1)).toBe(1)
    await telemetry.shutdown()
  })

  it('ends with one attempt when the receiver never answers', async () => {
    const sink = await startSink({ silent: true })
    const telemetry = createTelemetry({ controller: 'weir', otlpUrl: sink.url, write: () => undefined, processMetrics: false })
    expect(await telemetry.span('a', {}, async () => 1)).toBe(1)
    await telemetry.shutdown()
    expect(sink.paths).toEqual(['/v1/traces'])
  })

  it('hands a foreign trace on without recording', async () => {
    const telemetry = quietTelemetry()
    const seen = await telemetry.within(remote, () => telemetry.span('a', {}, async () => telemetry.traceparent()))
    expect(seen).toBe(remote)
    expect(telemetry.within('00-zz-1', () => telemetry.traceparent())).toBeUndefined()
  })

  it.each([['', false], ['http://127.0.0.1:9', true]])('loads OpenTelemetry for endpoint %p: %p', async (otlpUrl, loaded) => {
    const script = `
      import { createRequire } from 'node:module'
      import { createTelemetry } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)}
      const telemetry = createTelemetry({ controller: 'a', otlpUrl: ${JSON.stringify(otlpUrl)}, write: () => undefined })
      await telemetry.span('a', {}, async () => undefined)
      const names = Object.keys(createRequire('/').cache)
      process.stdout.write(String(names.some((name) => name.includes('sdk-trace'))))
      process.exit(0)`
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])
    expect(stdout).toBe(String(loaded))
  })
})
