import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { gitCommand } from './git-repository.ts'
import { makeCertificates, type CertificateFlaw } from './certificates.ts'

export interface HttpRules {
  /** Login that every request must carry. */
  readonly basic?: { readonly username: string; readonly password: string }
  /** Token that every request must carry. */
  readonly bearer?: string
  /** With https: a client certificate of the server's own authority is required. */
  readonly clientCertificates?: boolean
  /** With https: what is wrong with the server's certificate. */
  readonly flaw?: CertificateFlaw
  /** Answers every request with 302 to this base URL. */
  readonly redirectTo?: string
  /** Answers every request with this status. */
  readonly status?: number
}

export interface GitRequest {
  readonly method: string
  readonly path: string
  readonly authorization: string | undefined
}

/** What a transport gives to `startGitServer`. */
export interface GitListener {
  readonly url: string
  readonly secret: Readonly<Record<string, string>> | undefined
  requests(): readonly GitRequest[]
  misbehave(how: 'stall' | 'cut' | 'none'): void
  close(): Promise<void>
}

interface HttpSetup {
  readonly rules: HttpRules
  readonly secure: boolean
  readonly onPush?: (repository: string) => void | Promise<void>
}

/** Serves the bare repositories below `root` through `git http-backend`. */
export async function startGitHttp(root: string, setup: HttpSetup): Promise<GitListener> {
  const { rules } = setup
  const seen: GitRequest[] = []
  const children = new Set<ChildProcess>()
  const state: { how: 'stall' | 'cut' | 'none' } = { how: 'none' }
  const certificates = setup.secure ? await makeCertificates(rules.flaw) : undefined
  const answer: RequestListener = (request, response) => {
    seen.push({ method: request.method ?? '', path: request.url ?? '', authorization: request.headers.authorization })
    if (state.how === 'stall') return
    const refusal = refuse(request, rules)
    if (refusal !== undefined) {
      response.writeHead(refusal.status, refusal.headers).end()
      return
    }
    const child = runBackend(root, { request, response, cut: state.how === 'cut' })
    children.add(child)
    child.once('close', () => {
      children.delete(child)
      if (request.url?.endsWith('/git-receive-pack')) void setup.onPush?.(repositoryOf(request.url))
    })
  }
  const server: Server = certificates
    ? createSecureServer({ ...certificates.server, ca: certificates.ca, requestCert: rules.clientCertificates ?? false, rejectUnauthorized: rules.clientCertificates ?? false }, answer)
    : createServer(answer)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `${setup.secure ? 'https' : 'http'}://127.0.0.1:${port}`,
    secret: secretOf(rules, certificates),
    requests: () => seen,
    misbehave: (how) => void (state.how = how),
    async close() {
      const ended = [...children].map((child) => once(child, 'close'))
      for (const child of children) child.kill('SIGKILL')
      await Promise.all(ended)
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function secretOf(rules: HttpRules, certificates: Awaited<ReturnType<typeof makeCertificates>> | undefined): Readonly<Record<string, string>> | undefined {
  const values = {
    ...(rules.basic === undefined ? {} : rules.basic),
    ...(rules.bearer === undefined ? {} : { bearerToken: rules.bearer }),
    ...(certificates === undefined ? {} : { 'ca.crt': certificates.ca }),
    ...(certificates === undefined || !rules.clientCertificates ? {} : { 'tls.crt': certificates.client.cert, 'tls.key': certificates.client.key }),
  }
  const entries = Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')])
  return entries.length === 0 ? undefined : Object.fromEntries(entries)
}

function refuse(request: IncomingMessage, rules: HttpRules): { status: number; headers: Record<string, string> } | undefined {
  if (rules.status !== undefined) return { status: rules.status, headers: {} }
  if (rules.redirectTo !== undefined) return { status: 302, headers: { location: `${rules.redirectTo}${request.url ?? ''}` } }
  const wanted =
    rules.bearer !== undefined
      ? `Bearer ${rules.bearer}`
      : rules.basic && `Basic ${Buffer.from(`${rules.basic.username}:${rules.basic.password}`).toString('base64')}`
  if (wanted === undefined || request.headers.authorization === wanted) return undefined
  return { status: 401, headers: { 'www-authenticate': 'Basic realm="git"' } }
}

function repositoryOf(url: string): string {
  return url.replace(/^\//, '').replace(/\.git\/.*$/, '')
}

interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly cut: boolean
}

function runBackend(root: string, { request, response, cut }: Exchange): ChildProcess {
  const url = new URL(request.url ?? '/', 'http://localhost')
  const command = gitCommand(['http-backend'], {
    GIT_PROJECT_ROOT: root,
    GIT_HTTP_EXPORT_ALL: '1',
    PATH_INFO: decodeURIComponent(url.pathname),
    QUERY_STRING: url.search.slice(1),
    REQUEST_METHOD: request.method ?? '',
    CONTENT_TYPE: request.headers['content-type'] ?? '',
    HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
    GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
    REMOTE_USER: 'test',
    REMOTE_ADDR: '127.0.0.1',
  })
  const child = spawn(...command, { stdio: ['pipe', 'pipe', 'ignore'] })
  request.pipe(child.stdin)
  child.stdin.on('error', () => undefined)
  void sendAnswer(child.stdout, response, cut).catch(() => response.destroy())
  response.once('close', () => child.kill('SIGKILL'))
  return child
}

/** Turns a CGI answer (headers, blank line, body) into HTTP. */
async function sendAnswer(output: AsyncIterable<Buffer>, response: ServerResponse, cut: boolean): Promise<void> {
  let head: Buffer | undefined = Buffer.alloc(0)
  for await (const chunk of output) {
    let body: Buffer = chunk
    if (head !== undefined) {
      head = Buffer.concat([head, chunk])
      const end = head.indexOf('\r\n\r\n')
      if (end < 0) continue
      writeHead(head.subarray(0, end).toString(), response)
      body = head.subarray(end + 4)
      head = undefined
    }
    const pack = cut ? body.indexOf('PACK') : -1
    if (pack >= 0) {
      response.write(body.subarray(0, pack + 20))
      setTimeout(() => response.destroy(), 20)
      return
    }
    response.write(body)
  }
  response.end()
}

function writeHead(head: string, response: ServerResponse): void {
  let status = 200
  for (const line of head.split('\r\n')) {
    const at = line.indexOf(':')
    const [name, value] = [line.slice(0, at).trim(), line.slice(at + 1).trim()]
    if (name.toLowerCase() === 'status') status = Number.parseInt(value, 10)
    else response.setHeader(name, value)
  }
  response.writeHead(status)
}
