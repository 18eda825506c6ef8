import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Below the range that systems hand out by themselves (32768 on Linux, 49152 elsewhere). A port of that range can be
 * taken by any outgoing connection while its server is down for a restart; a client that retries may even connect to itself.
 */
const lowest = 20_000
const highest = 32_000

/** A port that is free on loopback now; `preferred` if that is. Another process may still be faster: be ready to ask again. */
export async function findFreePort(preferred?: number): Promise<number> {
  if (preferred !== undefined && (await isFree(preferred))) return preferred
  for (let attempt = 0; attempt < 50; attempt++) {
    const port = randomInt(lowest, highest)
    if (await isFree(port)) return port
  }
  throw new Error(`50 ports between ${lowest} and ${highest} are all taken`)
}

/** Says the log of a program (Go's or Node's wording) that its port was taken? */
export function saysPortTaken(log: string): boolean {
  return /address already in use|EADDRINUSE/.test(log)
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  const listening = once(server.listen({ port, host: '127.0.0.1', exclusive: true }), 'listening')
  const isBound = await listening.then(() => true, () => false)
  if (!isBound) return false
  server.close()
  await once(server, 'close')
  return true
}
