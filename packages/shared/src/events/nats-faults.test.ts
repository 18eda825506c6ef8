import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect, nanos } from '@nats-io/transport-node'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { startNats } from '@weir/shared/control-plane'
import type { Nats } from '@weir/shared/control-plane'
import { quietTelemetry } from '@weir/shared/telemetry'
import { startFaultProxy } from '@weir/shared/testing'
import type { Bus, BusEvent, ReceivedEvent } from './bus.ts'
import { createNatsBus } from './nats-bus.ts'
import type { NatsBusOptions } from './nats-bus.ts'

const test: { server: Nats; dir: string; buses: Bus[] } = { server: undefined as unknown as Nats, dir: '', buses: [] }

/** Each test finds the server down, with a port and a store of its own; `restart` starts it. */
beforeEach(async () => {
  test.dir = await mkdtemp(join(tmpdir(), 'weir-nats-'))
  test.server = await startNats({ dir: test.dir })
  await test.server.kill()
})
afterEach(async () => {
  if (test.server.pid() !== undefined) test.server.resume()
  await Promise.all(test.buses.splice(0).map((bus) => bus.close()))
  await test.server.stop()
  await rm(test.dir, { recursive: true, force: true })
})

function start(options: Partial<NatsBusOptions> = {}): Bus {
  const bus = createNatsBus({ cluster: 'c', telemetry: quietTelemetry(), url: test.server.url, ...options })
  test.buses.push(bus)
  return bus
}

function collect(bus: Bus) {
  const events: ReceivedEvent[] = []
  const subscription = bus.subscribe({}, (event) => void events.push(event))
  return { live: subscription.live, revisions: () => events.map((event) => event.facts.revision) }
}

function applied(revision: string): BusEvent {
  return { type: 'applied', subject: { kind: 'Kustomization', namespace: 'default', name: 'app' }, facts: { revision } }
}

const numbers = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, index) => String(from + index))

describe('NATS bus when the server misbehaves', () => {
  it('keeps what was published before the server started', async () => {
    const bus = start()
    const { live, revisions } = collect(bus)
    bus.publish(applied('early'))
    await sleep(600)
    expect(bus.status()).toMatchObject({ connected: false, queued: 1 })
    await test.server.restart()
    await until(() => bus.status().connected && bus.status().queued === 0)
    await live
    bus.publish(applied('late'))
    await until(() => revisions().includes('late'))
  })

  it('neither blocks nor throws without a server, drops the oldest and counts', async () => {
    const bus = start({ outboxLimit: 10 })
    for (const number of numbers(0, 1_000)) bus.publish(applied(number))
    expect(bus.status()).toMatchObject({ connected: false, queued: 10, dropped: 990 })
    await test.server.restart()
    const other = start()
    const seen = collect(other)
    await seen.live
    await until(() => bus.status().queued === 0)
    const stream = await inspect()
    expect(stream.subjects).toEqual(['weir.v1.>'])
    expect(stream.messages).toBe(10)
  })

  it('closes without a server, and says what it gave up', async () => {
    const bus = start()
    bus.publish(applied('a'))
    await bus.close()
    expect(bus.status()).toMatchObject({ queued: 0, dropped: 1 })
  })

  it('carries on when the server was killed and came back', async () => {
    await test.server.restart()
    const bus = start()
    const other = start()
    const { live, revisions } = collect(other)
    await live
    bus.publish(applied('before'))
    await until(() => revisions().length === 1)
    await test.server.kill()
    for (const number of numbers(0, 50)) bus.publish(applied(number))
    await until(() => !bus.status().connected)
    await test.server.restart()
    await until(() => revisions().length === 51)
    expect([...revisions()].sort()).toEqual(['before', ...numbers(0, 50)].sort())
    bus.publish(applied('after'))
    await until(() => revisions().includes('after'))
  })

  it('misses nothing that others published while it was away', async () => {
    await test.server.restart()
    const reader = start()
    const { live, revisions } = collect(reader)
    await live
    await test.server.kill()
    await until(() => !reader.status().connected)
    await test.server.restart()
    const writer = start() // connects at its first attempt, most likely before the reader is back
    writer.publish(applied('meanwhile'))
    await until(() => revisions().includes('meanwhile'))
  })

  it('carries on when the server lost its store', async () => {
    await test.server.restart()
    const bus = start()
    const { live, revisions } = collect(bus)
    await live
    for (const number of numbers(0, 20)) bus.publish(applied(number))
    await until(() => revisions().length === 20)
    await test.server.kill()
    await rm(join(test.dir, 'jetstream'), { recursive: true })
    bus.publish(applied('in the dark'))
    await test.server.restart()
    await until(() => revisions().includes('in the dark'))
    bus.publish(applied('after'))
    await until(() => revisions().includes('after'))
    expect(revisions()).toHaveLength(22)
  })

  it('makes the stream again when somebody deletes it', async () => {
    await test.server.restart()
    const bus = start()
    const { live, revisions } = collect(bus)
    await live
    await withManager((manager) => manager.streams.delete('WEIR'))
    bus.publish(applied('after the deletion'))
    await until(() => revisions().includes('after the deletion'))
  })

  it('waits for a server that is stopped and delivers each event once', async () => {
    await test.server.restart()
    const bus = start()
    const { live, revisions } = collect(bus)
    await live
    bus.publish(applied('before'))
    await until(() => revisions().length === 1)
    await test.server.pause()
    for (const number of numbers(0, 200)) bus.publish(applied(number))
    await sleep(7_000) // longer than an acknowledgement may take: every event in flight is sent again
    expect(bus.status().queued).toBe(200)
    test.server.resume()
    await until(() => revisions().length === 201)
    await sleep(300)
    expect(revisions()).toHaveLength(201)
    expect((await inspect()).messages).toBe(201)
  })

  it('closes while the server is stopped', async () => {
    await test.server.restart()
    const bus = start()
    await collect(bus).live
    await test.server.pause()
    bus.publish(applied('a'))
    await bus.close()
    expect(bus.status()).toMatchObject({ queued: 0, dropped: 1 })
  })

  it('notices a stopped server and comes back', async () => {
    await test.server.restart()
    const bus = start()
    const { live, revisions } = collect(bus)
    await live
    await test.server.pause()
    await until(() => !bus.status().connected, 25_000)
    test.server.resume()
    bus.publish(applied('after'))
    await until(() => revisions().includes('after'), 20_000)
  })

  it('delivers all through connections that are slow, stall and break', async () => {
    await test.server.restart()
    const target = test.server.url.replace('nats:', 'tcp:')
    const proxy = await startFaultProxy({ target, seed: 11 })
    try {
      proxy.use([
        { fault: { kind: 'cut', afterBytes: 3_000 }, count: 3 },
        { fault: { kind: 'reset', at: 'response' }, count: 1 },
        { fault: { kind: 'stall', at: 'request', ms: 300 }, count: 1 },
        { fault: { kind: 'slow', bytesPerSecond: 100_000 } },
      ])
      const bus = start({ url: `nats://127.0.0.1:${proxy.port}` })
      const { live, revisions } = collect(bus)
      await live
      for (const number of numbers(0, 300)) bus.publish(applied(number))
      await until(() => new Set(revisions()).size === 300)
      expect(revisions()).toHaveLength(300)
      expect(proxy.injected().length).toBeGreaterThan(3)
    } catch (cause) {
      throw new Error(proxy.describe(), { cause })
    } finally {
      await proxy.close()
    }
  })

  it('never alters a stream that exists', async () => {
    await test.server.restart()
    const limits = { max_age: nanos(60_000), max_bytes: 1_000_000, description: 'mine' }
    await withManager((manager) => manager.streams.add({ name: 'WEIR', subjects: ['weir.>'], ...limits }))
    const bus = start({ stream: { maxAgeMs: 1_000, maxBytes: 5 } })
    const { live, revisions } = collect(bus)
    await live
    bus.publish(applied('a'))
    await until(() => revisions().length === 1)
    const config = await withManager(async (manager) => (await manager.streams.info('WEIR')).config)
    expect(config).toMatchObject({ subjects: ['weir.>'], ...limits })
  })

  it('is created once by many who connect at the same time', async () => {
    await test.server.restart()
    const buses = Array.from({ length: 6 }, () => start())
    await until(() => buses.every((bus) => bus.status().connected))
    expect((await inspect()).subjects).toEqual(['weir.v1.>'])
  })

  it('ignores what is no event of ours', async () => {
    await test.server.restart()
    const bus = start()
    const { live, revisions } = collect(bus)
    await live
    const connection = await connect({ servers: test.server.url })
    for (const payload of ['', '{', '[]', 'null', '{"specversion":"1.0"}', 'x'.repeat(500_000)]) {
      connection.publish('weir.v1.c.Kustomization.default.app.applied', payload)
    }
    connection.publish('weir.v1.c.Kustomization.default.app.unknown', '{}')
    await connection.close()
    bus.publish(applied('ours'))
    await until(() => revisions().length > 0)
    expect(revisions()).toEqual(['ours'])
  })

  it('repeats nothing to a receiver when the duplicate window of the server is over', async () => {
    await test.server.restart()
    await withManager((manager) => manager.streams.add({ name: 'WEIR', subjects: ['weir.v1.>'], duplicate_window: nanos(100) }))
    const bus = start()
    const { live, revisions } = collect(bus)
    await live
    bus.publish({ ...applied('a'), id: 'one' })
    await until(() => revisions().length === 1)
    await sleep(300)
    bus.publish({ ...applied('a'), id: 'one' })
    bus.publish(applied('b'))
    await until(() => revisions().includes('b'))
    expect(revisions()).toEqual(['a', 'b'])
    expect((await inspect()).messages).toBe(3)
  })
})

async function withManager<T>(run: (manager: Awaited<ReturnType<typeof jetstreamManager>>) => Promise<T>): Promise<T> {
  const connection = await connect({ servers: test.server.url })
  try {
    return await run(await jetstreamManager(connection))
  } finally {
    await connection.close()
  }
}

async function inspect() {
  const info = await withManager((manager) => manager.streams.info('WEIR'))
  return { subjects: info.config.subjects, messages: info.state.messages }
}

async function until(condition: () => boolean, withinMs = 15_000): Promise<void> {
  const deadline = performance.now() + withinMs
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited ${withinMs} ms in vain`)
    await sleep(10)
  }
}
