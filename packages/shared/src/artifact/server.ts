import type { Dirent } from 'node:fs'
import { open, readdir, realpath, type FileHandle } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { basename, dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { secureJoin } from '@weir/shared/files'
import { serve } from '@weir/shared/http'
import type { Telemetry } from '@weir/shared/telemetry'
import { entityTag, isNotModified, readRange, type FileFacts } from './conditional.ts'
import { isTransient, ownerDepth, placeOf } from './layout.ts'

export interface ArtifactServerOptions {
  readonly root: string
  /** `host:port` or `:port`; port 0 takes a free one. */
  readonly address: string
  readonly telemetry: Telemetry
}

export interface ArtifactServer {
  /** As bound, `host:port`. */
  readonly address: string
  /** Reachable from this machine. */
  readonly url: string
  /** GETs that were answered with a file's bytes, since the start. */
  served(): number
  close(): Promise<void>
}

/**
 * Serves the store read-only (contract 2.4): artifacts with ETag and ranges, listings of the folders that lead to them, and
 * nothing else, whatever lies beside them.
 */
export async function serveStore({ root, address, telemetry }: ArtifactServerOptions): Promise<ArtifactServer> {
  const count = { served: 0 }
  const downloads = telemetry.metrics.counter('weir_artifact_downloads_total', 'Artifacts sent to consumers, in whole or in part.', [])
  const sending = (): void => {
    count.served += 1
    downloads.inc({})
  }
  const server = await serve({
    address,
    telemetry,
    limits: { maxBodyBytes: 0 },
    async handler(request, response) {
      await answer(root, { request, response, sending })
      telemetry.log.debug('artifact request', { method: request.method, path: pathOf(request), status: response.statusCode })
    },
  })
  return { address: server.address, url: server.url, served: () => count.served, close: () => server.close() }
}

async function answer(root: string, conversation: Conversation): Promise<void> {
  const { request, response } = conversation
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD')
    return plain(response, 405)
  }
  const path = decodedPath(pathOf(request))
  const found = path === undefined ? undefined : await openStored(root, path)
  if (path === undefined || found === undefined) return plain(response, 404)
  try {
    if (found.facts.isDirectory) return await sendListing(path, found, conversation)
    await sendFile(path, found, conversation)
  } finally {
    await found.handle.close()
  }
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').split('?', 1)[0] ?? '/'
}

/** undefined for what cannot be a path below the root. */
function decodedPath(raw: string): string | undefined {
  try {
    const path = decodeURIComponent(raw)
    const isOdd = !path.startsWith('/') || path.includes('\0') || path.includes('\\') || path.split('/').includes('..')
    return isOdd ? undefined : path.slice(1)
  } catch {
    return undefined
  }
}

interface Opened {
  /** Of the path below the root. */
  readonly parts: readonly string[]
  readonly real: string
  readonly handle: FileHandle
  readonly facts: FileFacts & { readonly isDirectory: boolean }
}

async function openStored(root: string, path: string): Promise<Opened | undefined> {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.')
  const place = placeOf(parts)
  if (place === undefined) return undefined
  try {
    const base = await realpath(root)
    const real = await realpath(await secureJoin(base, parts.join('/')))
    if (!staysInPlace(real, base, parts)) return undefined
    const handle = await open(real, 'r')
    const found = await handle.stat()
    if (place === 'file' ? found.isFile() : found.isDirectory()) {
      return { parts, real, handle, facts: { sizeBytes: found.size, modifiedMs: found.mtimeMs, inode: found.ino, isDirectory: found.isDirectory() } }
    }
    await handle.close()
    return undefined
  } catch {
    return undefined
  }
}

/** The store's own links (`latest.tar.gz`) lead to artifacts of the same object; its folders are no links. */
function staysInPlace(real: string, base: string, parts: readonly string[]): boolean {
  const folder = join(base, ...parts.slice(0, ownerDepth))
  return parts.length > ownerDepth ? dirname(real) === folder && !isTransient(basename(real)) : real === folder
}

interface Conversation {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** Told before the first byte of a file's body. */
  sending(): void
}

async function sendListing(path: string, { real, parts }: Opened, { request, response }: Conversation): Promise<void> {
  if (path !== '' && !path.endsWith('/')) {
    response.writeHead(301, { location: `${encodeURI(`/${path.split('/').at(-1) ?? ''}`).slice(1)}/` }).end()
    return
  }
  const entries = (await readdir(real, { withFileTypes: true })).filter((entry) => isListed(entry, parts))
  const names = entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name)).sort()
  const lines = names.map((name) => `<a href="${encodeURI(name).replaceAll(':', '%3A')}">${escapeHtml(name)}</a>\n`)
  const body = Buffer.from(`<!doctype html>\n<meta name="viewport" content="width=device-width">\n<pre>\n${lines.join('')}</pre>\n`)
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'content-length': body.byteLength })
  response.end(request.method === 'HEAD' ? undefined : body)
}

function isListed(entry: Dirent, folder: readonly string[]): boolean {
  switch (placeOf([...folder, entry.name])) {
    case 'folder':
      return entry.isDirectory()
    case 'file':
      return entry.isFile() || entry.isSymbolicLink()
    case undefined:
      return false
  }
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

async function sendFile(path: string, { handle, facts }: Opened, { request, response, sending }: Conversation): Promise<void> {
  response.setHeader('etag', entityTag(facts))
  response.setHeader('last-modified', new Date(facts.modifiedMs).toUTCString())
  response.setHeader('accept-ranges', 'bytes')
  if (isNotModified(request.headers, facts)) {
    response.writeHead(304).end()
    return
  }
  const range = readRange(request.headers, facts)
  if (range === 'unsatisfiable') {
    response.setHeader('content-range', `bytes */${facts.sizeBytes}`)
    return plain(response, 416)
  }
  const { start, end } = range ?? { start: 0, end: facts.sizeBytes - 1 }
  if (request.method === 'GET') sending()
  response.writeHead(range === undefined ? 200 : 206, {
    'content-type': contentType(path),
    'content-length': end - start + 1,
    ...(range === undefined ? {} : { 'content-range': `bytes ${start}-${end}/${facts.sizeBytes}` }),
  })
  if (request.method === 'HEAD' || facts.sizeBytes === 0) {
    response.end()
    return
  }
  const bytes = handle.createReadStream({ start, end, highWaterMark: 1 << 20, autoClose: false })
  await pipeline(bytes, response).catch(() => response.destroy()) // the client went away
}

function contentType(path: string): string {
  if (path.endsWith('.gz') || path.endsWith('.tgz')) return 'application/gzip'
  return path.endsWith('.yaml') ? 'text/yaml; charset=utf-8' : 'application/octet-stream'
}

function plain(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' })
  response.end(`${status}\n`)
}
