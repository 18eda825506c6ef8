import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'

/** One answered request that went through. */
export interface Passed {
  readonly method: string
  readonly path: string
  readonly status: number
  /** Of the answer's body. */
  readonly bytes: number
  /** Of a POST. */
  readonly sent: string
}

/** Stands before a server on this machine and writes down what passes: the same log for every client and server. */
export interface Traffic extends AsyncDisposable {
  /** `127.0.0.1:port` */
  readonly address: string
  passed(): readonly Passed[]
}

/** `target`: `host:port`, asked for at each request, as the server may start later. */
export async function startTraffic(target: () => string): Promise<Traffic> {
  const log: Passed[] = []
  const server = createServer((incoming, outgoing) => {
    pass({ incoming, outgoing, target: target() }, (entry) => void log.push(entry))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { address: `127.0.0.1:${port}`, passed: () => log, [Symbol.asyncDispose]: () => closeServer(server) }
}

/** Answers with an artifact's bytes: GET, a status that has a body, and no listing. */
export function isDownload({ method, path, status, bytes }: Passed): boolean {
  return method === 'GET' && (status === 200 || status === 206) && bytes > 0 && !path.split('?', 1)[0]?.endsWith('/')
}

/** A fetch of objects; asking which refs there are (ls-remote) is none. */
export function isGitFetch({ method, path, status, sent }: Passed): boolean {
  return method === 'POST' && path.endsWith('/git-upload-pack') && status === 200 && !sent.includes('command=ls-refs')
}

interface Exchange {
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
  readonly target: string
}

function pass({ incoming, outgoing, target }: Exchange, tell: (entry: Passed) => void): void {
  const [host, port] = target.split(':')
  const { method = 'GET', url: path = '/', headers } = incoming
  const sent: Buffer[] = []
  const onward = request({ host, port, method, path, headers, agent: false }, (answer) => {
    let bytes = 0
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
    answer.on('data', (chunk: Buffer) => (bytes += chunk.byteLength))
    answer.on('end', () => tell({ method, path, status: answer.statusCode ?? 0, bytes, sent: textOf(Buffer.concat(sent), headers['content-encoding']) }))
    answer.on('error', () => outgoing.destroy())
    answer.pipe(outgoing)
  })
  onward.on('error', () => outgoing.destroy())
  outgoing.on('close', () => onward.destroy())
  incoming.on('data', (chunk: Buffer) => void sent.push(chunk))
  incoming.pipe(onward)
}

function textOf(bytes: Buffer, encoding: string | undefined): string {
  return (encoding === 'gzip' ? gunzipSync(bytes) : bytes).toString('latin1')
}

function closeServer(server: Server): Promise<void> {
  server.closeAllConnections()
  return new Promise((resolve) => server.close(() => resolve()))
}
