import { once } from 'node:events'
import { createServer } from 'node:net'
import { describe, expect, it } from '@jest/globals'
import { findFreePort, saysPortTaken } from './port.ts'

describe('a free port', () => {
  it('is one that no outgoing connection is given', async () => {
    const ports = await Promise.all(Array.from({ length: 20 }, () => findFreePort()))
    expect(ports.every((port) => port >= 20_000 && port < 32_000)).toBe(true)
  })

  it('is the preferred one while that is free', async () => {
    const port = await findFreePort()
    expect(await findFreePort(port)).toBe(port)
    const server = createServer().listen(port, '127.0.0.1')
    await once(server, 'listening')
    expect(await findFreePort(port)).not.toBe(port)
    server.close()
    await once(server, 'close')
  })
})

describe('a log', () => {
  it.each([
    ['E1124 run.go:72] "command failed" err="failed to create listener: failed to listen on 127.0.0.1:1: listen tcp 127.0.0.1:1: bind: address already in use"', true],
    ['[FTL] Error listening on port: 127.0.0.1:1, "listen tcp 127.0.0.1:1: bind: address already in use"', true],
    ['E1124 run.go:72] "command failed" err="open ca.crt: no such file or directory"', false],
  ])('%s', (log, taken) => {
    expect(saysPortTaken(log)).toBe(taken)
  })
})
