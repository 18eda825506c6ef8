import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from '@jest/globals'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import type { NatsConnection } from '@nats-io/transport-node'
import { findFreePort } from './processes/port.ts'
import { startNats } from './nats.ts'
import type { Nats } from './nats.ts'

async function connected<T>(nats: Nats, use: (connection: NatsConnection) => Promise<T>): Promise<T> {
  const connection = await connect({ servers: nats.url, reconnect: false })
  try {
    return await use(connection)
  } finally {
    await connection.close()
  }
}

async function messages(nats: Nats): Promise<number> {
  return connected(nats, async (connection) => (await (await jetstreamManager(connection)).streams.info('S')).state.messages)
}

async function store(nats: Nats, text: string): Promise<void> {
  await connected(nats, async (connection) => {
    const streams = await jetstreamManager(connection)
    await streams.streams.add({ name: 'S', subjects: ['s.>'] })
    await jetstream(connection).publish('s.a', text)
  })
}

describe('a nats-server', () => {
  it('keeps its port and its streams over a kill and a restart', async () => {
    await using nats = await startNats()
    await store(nats, 'one')
    const pid = nats.pid()
    await nats.kill()
    expect(nats.pid()).toBeUndefined()
    await expect(connect({ servers: nats.url, reconnect: false })).rejects.toThrow()
    await nats.restart()
    expect(nats.pid()).not.toBe(pid)
    expect(await messages(nats)).toBe(1)
    await nats.restart()
    expect(await messages(nats)).toBe(1)
  })

  it('ends when it is asked to', async () => {
    await using nats = await startNats()
    await nats.kill('SIGTERM')
    expect(nats.pid()).toBeUndefined()
  })

  it('says nothing while it is paused', async () => {
    await using nats = await startNats()
    await connected(nats, async (connection) => {
      await nats.pause()
      const answer = connection.flush().then(() => 'answer')
      expect(await Promise.race([answer, sleep(300, 'nothing')])).toBe('nothing')
      nats.resume()
      expect(await answer).toBe('answer')
    })
  })

  it('has no streams when it is told so', async () => {
    await using nats = await startNats({ jetstream: false })
    await connected(nats, async (connection) => {
      await expect(jetstreamManager(connection)).rejects.toThrow()
    })
  })

  it('takes the port that it is told to, or says that it is taken', async () => {
    const port = await findFreePort()
    await using nats = await startNats({ port })
    expect(nats.url).toBe(`nats://127.0.0.1:${port}`)
    await expect(startNats({ port })).rejects.toMatchObject({ code: 'in-use' })
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const address = other.address()
    await expect(startNats({ port: typeof address === 'object' && address ? address.port : 0 })).rejects.toMatchObject({ code: 'in-use' })
    other.close()
  })

  it('brings back a kept store', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'weir-test-'))
    const first = await startNats({ dir })
    await store(first, 'one')
    await first.stop()
    expect(existsSync(join(dir, 'jetstream'))).toBe(true)
    const second = await startNats({ dir })
    expect(await messages(second)).toBe(1)
    await second.stop()
    rmSync(dir, { recursive: true, force: true })
  })

  it('leaves nothing behind when it stops', async () => {
    const nats = await startNats()
    const dir = join(nats.log, '../..')
    expect(readdirSync(dir)).toContain('jetstream')
    await nats.stop()
    await nats.stop()
    expect(existsSync(dir)).toBe(false)
  })
})
