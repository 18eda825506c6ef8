import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { open, stat } from 'node:fs/promises'
import { createNatsBus, readClusterName } from '@weir/shared/events'
import type { Kube } from '@weir/shared/kube'
import { quietTelemetry } from '@weir/shared/telemetry'

/** Takes what is sent to it and keeps the text: traces of controllers. */
export interface TraceSink {
  readonly url: string
  /** What came since the last take. */
  take(): string
  close(): Promise<void>
}

export async function startTraceSink(): Promise<TraceSink> {
  const state = { text: '' }
  const server = createServer((request, response) => {
    request.setEncoding('utf8')
    request.on('data', (text: string) => (state.text += text))
    request.on('error', () => undefined)
    request.on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end('{}'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    take() {
      const { text } = state
      state.text = ''
      return text
    },
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

/** Every message of the bus as text. */
export async function listenToBus(kube: Kube, url: string): Promise<{ take(): string; close(): Promise<void> }> {
  const state = { text: '' }
  const bus = createNatsBus({ url, cluster: await readClusterName(kube), telemetry: quietTelemetry() })
  bus.subscribe({}, (event) => (state.text += `${JSON.stringify(event)}\n`))
  return {
    take() {
      const { text } = state
      state.text = ''
      return text
    },
    close: () => bus.close(),
  }
}

/** What was added to files since the last take, by path. */
export function tailFiles(): { take(files: readonly string[]): Promise<ReadonlyMap<string, string>> } {
  const offsets = new Map<string, number>()
  const read = async (file: string): Promise<string> => {
    const from = offsets.get(file) ?? 0
    const { size } = await stat(file)
    offsets.set(file, size)
    const bytes = Buffer.alloc(Math.max(0, size - from))
    await using handle = await open(file)
    await handle.read(bytes, 0, bytes.length, from)
    return bytes.toString('utf8')
  }
  return { take: async (files) => new Map(await Promise.all(files.map(async (file) => [file, await read(file)] as const))) }
}
