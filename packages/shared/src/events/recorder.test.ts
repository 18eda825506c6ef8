import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from '@jest/globals'
import { createHttp } from '@weir/shared/http'
import { KubeError } from '@weir/shared/kube'
import type { Kube, KubeErrorCode, KubeObject } from '@weir/shared/kube'
import { createTelemetry, quietTelemetry, redactor } from '@weir/shared/telemetry'
import { createRecorder } from './recorder.ts'
import type { EventRecord, Recorder } from './index.ts'

const object = {
  apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
  kind: 'Kustomization',
  metadata: { name: 'podinfo', namespace: 'apps', uid: 'u-1', resourceVersion: '7', annotations: { 'event.toolkit.fluxcd.io/team': 'blue', other: 'x' } },
}
const finished: EventRecord = { object, type: 'Normal', reason: 'ReconciliationSucceeded', message: 'Reconciliation finished', metadata: { revision: 'main@sha1:1' } }

/** Longer than the time limit of a test. */
const forever = 3_600_000

const cleanups: Array<() => Promise<unknown>> = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

interface StoredEvent {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly annotations?: Readonly<Record<string, string>> }
  readonly [field: string]: unknown
}

/** The events of an API server, in memory, that fails on demand. It does not validate what it is given. */
function createEventStore() {
  const events = new Map<string, StoredEvent>()
  const state: { failures: KubeErrorCode[]; calls: string[]; delayMs: number } = { failures: [], calls: [], delayMs: 0 }
  const begin = async (call: string): Promise<void> => {
    state.calls.push(call)
    if (state.delayMs > 0) await sleep(state.delayMs)
    const code = state.failures.shift()
    if (code !== undefined) throw new KubeError(code, code)
  }
  const kube: Pick<Kube, 'create' | 'patch'> = {
    async create(_resource, given) {
      await begin('create')
      const event = given as StoredEvent
      const key = `${event.metadata.namespace}/${event.metadata.name}`
      if (events.has(key)) throw new KubeError('already-exists', key)
      events.set(key, event)
      return given as KubeObject
    },
    async patch({ namespace, name }, { body }) {
      await begin('patch')
      const known = events.get(`${namespace}/${name}`)
      if (known === undefined) throw new KubeError('not-found', name)
      const changed = { ...known, ...(body as object) }
      events.set(`${namespace}/${name}`, changed)
      return changed as unknown as KubeObject
    },
  }
  return { kube, state, events: () => [...events.values()], forget: () => events.clear() }
}

async function startReceiver() {
  const bodies: Array<Record<string, unknown>> = []
  const state = { statuses: [] as number[], delayMs: 0, requests: 0 }
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    state.requests += 1
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const status = state.statuses.shift() ?? 202
      if (status === 202) bodies.push({ ...(JSON.parse(Buffer.concat(chunks).toString()) as object), contentType: request.headers['content-type'] })
      setTimeout(() => response.writeHead(status).end(), state.delayMs).unref()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanups.push(async () => {
    server.close()
    server.closeAllConnections()
  })
  return { bodies, state, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` }
}

interface StartOptions {
  readonly kube: Pick<Kube, 'create' | 'patch'>
  readonly controller?: string
  readonly eventsAddr?: string
  readonly telemetry?: ReturnType<typeof quietTelemetry>
}

function start(options: StartOptions): Recorder {
  const telemetry = options.telemetry ?? quietTelemetry()
  const http = createHttp({ telemetry })
  const recorder = createRecorder({ controller: 'kustomize-controller', ...options, telemetry, http, instance: 'host-1', now: () => new Date('2026-01-02T03:04:05.678Z') })
  cleanups.push(() => http.close(), () => recorder.close(0))
  return recorder
}

describe('Kubernetes Events', () => {
  it('creates an event beside the object', async () => {
    const store = createEventStore()
    const recorder = start(store)
    recorder.record(finished)
    await recorder.close()
    expect(store.events()).toEqual([
      {
        apiVersion: 'v1',
        kind: 'Event',
        metadata: {
          name: expect.stringMatching(/^podinfo\.[0-9a-f]{16}$/),
          namespace: 'apps',
          annotations: { 'kustomize.toolkit.fluxcd.io/revision': 'main@sha1:1', 'event.toolkit.fluxcd.io/team': 'blue' },
        },
        involvedObject: { kind: 'Kustomization', namespace: 'apps', name: 'podinfo', uid: 'u-1', apiVersion: object.apiVersion, resourceVersion: '7' },
        reason: 'ReconciliationSucceeded',
        message: 'Reconciliation finished',
        source: { component: 'kustomize-controller' },
        firstTimestamp: '2026-01-02T03:04:05Z',
        lastTimestamp: '2026-01-02T03:04:05Z',
        count: 1,
        type: 'Normal',
        reportingComponent: 'kustomize-controller',
        reportingInstance: 'host-1',
      },
    ])
  })

  it('counts repetitions, in few calls', async () => {
    const store = createEventStore()
    const recorder = start(store)
    for (let number = 0; number < 10; number += 1) recorder.record(finished)
    await recorder.close()
    expect(store.events()).toMatchObject([{ count: 10 }])
    expect(store.state.calls).toEqual(['create', 'patch'])
  })

  it('creates an expired event again, and repeats one whose answer was lost', async () => {
    const store = createEventStore()
    const recorder = start(store)
    recorder.record(finished)
    await until(() => store.events().length === 1)
    store.forget()
    recorder.record(finished)
    await until(() => store.events().length === 1)
    expect(store.events()).toMatchObject([{ count: 2 }])
    await recorder.close()
    const again = start(store) // a second process with the same clock makes the same name
    again.record(finished)
    await until(() => store.state.calls.at(-1) === 'patch' && store.state.calls.length >= 5)
    await again.close()
    expect(store.events()).toHaveLength(1)
  })

  it('keeps the events of two controllers apart', async () => {
    const store = createEventStore()
    for (const controller of ['source-controller', 'kustomize-controller']) {
      const recorder = start({ ...store, controller })
      recorder.record(finished)
      await recorder.close()
    }
    expect(store.events()).toMatchObject([{ count: 1 }, { count: 1 }])
  })

  it('tries again what may pass and gives up what will not', async () => {
    const store = createEventStore()
    const telemetry = quietTelemetry()
    const recorder = start({ ...store, telemetry })
    store.state.failures = ['server', 'unreachable']
    recorder.record(finished)
    await until(() => store.events().length === 1)
    store.state.failures = ['forbidden']
    recorder.record({ ...finished, message: 'refused' })
    await recorder.close()
    expect(store.events()).toHaveLength(1)
    expect(await telemetry.metrics.text()).toContain('weir_events_dropped_total{to="core"} 1')
  })

  it('never waits for a slow server and is bounded', async () => {
    const store = createEventStore()
    store.state.delayMs = 60
    const telemetry = quietTelemetry()
    const recorder = start({ ...store, telemetry })
    for (let number = 0; number < 1_500; number += 1) {
      recorder.record({ ...finished, object: { ...object, metadata: { ...object.metadata, name: `app-${number}`, uid: String(number) } } })
    }
    await recorder.close(100)
    expect(await telemetry.metrics.text()).toMatch(/weir_events_dropped_total\{to="core"\} 14\d\d/)
  })

  it('puts events of cluster-scoped objects into default and drops keys that are no annotations', async () => {
    const store = createEventStore()
    const recorder = start(store)
    recorder.record({ ...finished, object: { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' } }, metadata: { 'bad key!': 'x', ok: 'y' } })
    await recorder.close()
    expect(store.events()).toMatchObject([{ metadata: { namespace: 'default', annotations: { 'event.toolkit.fluxcd.io/ok': 'y' } } }])
    expect(Object.keys(store.events()[0]?.metadata.annotations ?? {})).toHaveLength(1)
  })

  it('masks secrets and cuts long messages', async () => {
    redactor.add('canary-in-an-event')
    const store = createEventStore()
    const receiver = await startReceiver()
    const recorder = start({ ...store, eventsAddr: receiver.url })
    recorder.record({ ...finished, message: `canary-in-an-event ${'x'.repeat(50_000)}`, metadata: { token: 'canary-in-an-event' } })
    await recorder.close()
    const text = JSON.stringify([store.events(), receiver.bodies])
    expect(text).not.toContain('canary')
    expect(String(receiver.bodies[0]?.message)).toHaveLength(39_000)
  })

  it('tells a trace to log and span only', async () => {
    const store = createEventStore()
    const receiver = await startReceiver()
    const lines: string[] = []
    const telemetry = createTelemetry({ controller: 'c', level: 'debug', write: (line) => void lines.push(line), processMetrics: false })
    const recorder = start({ ...store, eventsAddr: receiver.url, telemetry })
    recorder.record({ ...finished, type: 'Trace', message: 'no changes' })
    await recorder.close()
    expect(store.state.calls).toEqual([])
    expect(receiver.state.requests).toBe(0)
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([{ level: 'debug', reason: 'ReconciliationSucceeded', detail: 'no changes', name: 'podinfo' }])
  })
})

describe('notification POST', () => {
  it('sends what notification-controller reads', async () => {
    const receiver = await startReceiver()
    const store = createEventStore()
    const recorder = start({ ...store, eventsAddr: receiver.url })
    recorder.record({ ...finished, type: 'Warning', only: 'notification', metadata: { 'kustomize.toolkit.fluxcd.io/revision': 'r', commit_status: 'update' } })
    recorder.record({ ...finished, only: 'core' })
    await recorder.close()
    expect(receiver.bodies).toEqual([
      {
        contentType: 'application/json',
        involvedObject: { kind: 'Kustomization', namespace: 'apps', name: 'podinfo', uid: 'u-1', apiVersion: object.apiVersion, resourceVersion: '7' },
        severity: 'error',
        timestamp: '2026-01-02T03:04:05Z',
        message: 'Reconciliation finished',
        reason: 'ReconciliationSucceeded',
        metadata: { 'kustomize.toolkit.fluxcd.io/revision': 'r', 'kustomize.toolkit.fluxcd.io/commit_status': 'update', 'event.toolkit.fluxcd.io/team': 'blue' },
        reportingController: 'kustomize-controller',
        reportingInstance: 'host-1',
      },
    ])
    expect(store.events()).toHaveLength(1)
  })

  it('tries again on 5xx, takes 429 for a duplicate and gives up on 400', async () => {
    const receiver = await startReceiver()
    const telemetry = quietTelemetry()
    const recorder = start({ ...createEventStore(), eventsAddr: receiver.url, telemetry })
    receiver.state.statuses = [503, 500]
    recorder.record(finished)
    await until(() => receiver.bodies.length === 1)
    expect(receiver.state.requests).toBe(3)
    receiver.state.statuses = [429, 400]
    recorder.record(finished)
    recorder.record({ ...finished, message: 'other' })
    await until(() => receiver.state.requests === 5)
    await recorder.close()
    expect(receiver.state.requests).toBe(5)
    expect(await telemetry.metrics.text()).toContain('weir_events_dropped_total{to="notification"} 1')
  })

  it('never waits for a receiver that is absent or slow', async () => {
    const receiver = await startReceiver()
    receiver.state.delayMs = forever
    for (const eventsAddr of ['http://127.0.0.1:9/', receiver.url, 'no url']) {
      const recorder = start({ ...createEventStore(), eventsAddr })
      for (let number = 0; number < 100; number += 1) recorder.record(finished)
      await recorder.close(100)
    }
  })
})

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('waited 10 s in vain')
    await sleep(5)
  }
}
