import { readFile } from 'node:fs/promises'
import { dirname, isAbsolute, resolve } from 'node:path'
import type { TlsOptions } from '@weir/shared/http'
import { fieldAt, parseYaml } from '@weir/shared/manifest'
import { redact, redactor } from '@weir/shared/telemetry'
import type { KubeConfig as ParsedConfig } from '@kubernetes/client-node/dist/config.js'
import { KubeError } from '../kube-error.ts'

/** Where the API server is and how to prove who we are. Made by `loadConfig`. */
export interface KubeConfig {
  /** URL; a path is kept as a prefix of every call. */
  readonly server: string
  /** Of the context, or of the pod. */
  readonly namespace: string | undefined
  /** Name of the context; `in-cluster` in a pod. */
  readonly context: string
  /** URL of an HTTP proxy. */
  readonly proxy: string | undefined
  /** Cached for 5 s; a token file is read again after a minute at most, an exec plugin when its token expires. KubeError 'config'. */
  credentials(): Promise<Credentials>
  /**
   * Drops everything cached and reads the source again, as after a 401; at most every 2 s, and meanwhile credentials() waits for it. Rejects
   * with KubeError 'config' when the source cannot be used now (half written, missing): what was read last stays in use.
   */
  reload(): Promise<void>
}

export interface Credentials {
  /** Secret. */
  readonly headers: Readonly<Record<string, string>>
  readonly tls: TlsOptions
}

/** Exactly one of `kubeconfig`, `text` and `inCluster`. */
export interface ConfigSource {
  /** Path of a file. */
  readonly kubeconfig?: string
  /** The content of one; file names in it must be absolute. */
  readonly text?: string
  /** Default: the file's current-context. */
  readonly context?: string
  /** The pod's service account. */
  readonly inCluster?: boolean
}

/** Many calls are refused at once when a token ends: one look at the source serves them all. */
const reloadPauseMs = 2_000

/** CA, certificate and key are read from disk with blocking calls: not more often than this. */
const cacheMs = 5_000

/** KubeError 'config' names what is missing. */
export async function loadConfig(source: ConfigSource): Promise<KubeConfig> {
  const first = await readConfig(source)
  const cluster = first.getCurrentCluster()
  if (!cluster) throw broken(source, 'its context names no cluster')
  let parsed: Promise<ParsedConfig> = Promise.resolve(first)
  let reloadedMs = Number.NEGATIVE_INFINITY
  let cached: { readonly sinceMs: number; readonly credentials: Promise<Credentials> } | undefined
  return {
    server: cluster.server,
    namespace: first.getContextObject(first.getCurrentContext())?.namespace,
    context: source.inCluster ? 'in-cluster' : first.getCurrentContext(),
    proxy: httpProxy(source, cluster.proxyUrl),
    async credentials() {
      const now = performance.now()
      if (cached === undefined || now - cached.sinceMs >= cacheMs) {
        const read = parsed.then((config) => readCredentials(source, config))
        cached = { sinceMs: now, credentials: read }
        read.catch(() => (cached = undefined))
      }
      return cached.credentials
    },
    async reload() {
      if (performance.now() - reloadedMs < reloadPauseMs) return
      reloadedMs = performance.now()
      cached = undefined
      const [before, read] = [parsed, readConfig(source)]
      parsed = read.catch(() => before)
      await read
    },
  }
}

async function readConfig(source: ConfigSource): Promise<ParsedConfig> {
  // A client of 60 MiB, of which this is the part that parses and authenticates; loaded only by who connects.
  const { KubeConfig } = await import('@kubernetes/client-node/dist/config.js')
  const config = new KubeConfig()
  try {
    if (source.inCluster) config.loadFromCluster()
    else await loadText(config, source)
  } catch (error) {
    throw error instanceof KubeError ? error : broken(source, wordsOf(error), error)
  }
  if (source.context !== undefined) config.setCurrentContext(source.context)
  refuseUnusable(source, config)
  // The library refuses http:// unless told so; kubectl does not.
  config.clusters = config.clusters.map((one) => (one.server.startsWith('http:') ? { ...one, skipTLSVerify: true } : one))
  return config
}

function refuseUnusable(source: ConfigSource, config: ParsedConfig): void {
  const context = config.getContextObject(config.getCurrentContext())
  if (!context) throw broken(source, `no context ${JSON.stringify(config.getCurrentContext() ?? '')}`)
  const cluster = config.getCluster(context.cluster)
  if (!cluster) throw broken(source, `no cluster ${JSON.stringify(context.cluster)}`)
  // Without the pod's environment the library makes a URL of "undefined".
  if (source.inCluster === true && cluster.server.includes('undefined')) throw broken(source, 'not in a pod')
  if (!URL.canParse(cluster.server)) throw broken(source, 'its server is no URL')
}

async function loadText(config: ParsedConfig, source: ConfigSource): Promise<void> {
  const text = source.text ?? (source.kubeconfig === undefined ? undefined : await readFile(source.kubeconfig, 'utf8'))
  if (text === undefined) throw broken(source, 'neither a file, a text nor in-cluster')
  const document = parseYaml(text, { dialect: 'go' })
  config.loadFromString(text)
  if (source.kubeconfig === undefined) refuseRelativeFiles(source, config)
  const dir = source.kubeconfig === undefined ? '' : dirname(resolve(source.kubeconfig))
  config.makePathsAbsolute(dir)
  config.users = config.users.map((user) => ({ ...user, ...tokenFile(document, user.name, dir) }))
}

/** A text lies in no directory, and this process's own means nothing to its author. */
function refuseRelativeFiles(source: ConfigSource, config: ParsedConfig): void {
  const files = [...config.clusters.map(({ caFile }) => caFile), ...config.users.flatMap(({ certFile, keyFile }) => [certFile, keyFile])]
  if (files.some((file) => file && !isAbsolute(file))) throw broken(source, 'a file name in it is not absolute')
}

/** The library does not know kubeconfig's own `tokenFile`, only the same thing as an auth provider. */
function tokenFile(document: unknown, user: string, dir: string): { readonly authProvider?: unknown } {
  const users = fieldAt(document, 'users')
  const found: unknown = Array.isArray(users) ? users.find((one) => fieldAt(one, 'name') === user) : undefined
  const path = fieldAt(found, 'user', 'tokenFile')
  return typeof path === 'string' && path !== '' ? { authProvider: { name: 'tokenFile', config: { tokenFile: resolve(dir, path) } } } : {}
}

/** What the library fills in; it was made for another HTTP client. */
interface Applied {
  ca?: Buffer
  cert?: Buffer | string
  key?: Buffer | string
  servername?: string
  rejectUnauthorized?: boolean
  auth?: string
  headers?: Record<string, string>
}

async function readCredentials(source: ConfigSource, config: ParsedConfig): Promise<Credentials> {
  const applied: Applied = {}
  try {
    await config.applyToHTTPSOptions(applied)
  } catch (error) {
    throw broken(source, `no credentials: ${wordsOf(error)}`, error)
  }
  return { headers: headersOf(applied), tls: tlsOf(applied) }
}

function headersOf({ auth, headers = {} }: Applied): Readonly<Record<string, string>> {
  const sent: Record<string, string> = {}
  // A token file ends with a newline, which no header may hold.
  for (const [name, value] of Object.entries(headers)) sent[name.toLowerCase()] = value.trim()
  if (auth !== undefined) sent['authorization'] = `Basic ${Buffer.from(auth).toString('base64')}`
  const [, secret] = (sent['authorization'] ?? '').split(' ')
  if (secret !== undefined) redactor.add(secret)
  return sent
}

function tlsOf({ ca, cert, key, servername, rejectUnauthorized }: Applied): TlsOptions {
  return {
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
    ...(servername !== undefined && { servername }),
    ...(rejectUnauthorized === false && { insecureSkipVerify: true }),
  }
}

function httpProxy(source: ConfigSource, proxy: string | undefined): string | undefined {
  if (proxy === undefined || /^https?:/.test(proxy)) return proxy
  throw broken(source, 'its proxy-url is no http or https URL')
}

function broken(source: ConfigSource, problem: string, cause?: unknown): KubeError {
  const what = source.inCluster ? 'in-cluster configuration' : `kubeconfig${source.kubeconfig === undefined ? '' : ` ${source.kubeconfig}`}`
  return new KubeError('config', redact(`${what}: ${problem}`), { cause })
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message.trim() : String(error)
}
