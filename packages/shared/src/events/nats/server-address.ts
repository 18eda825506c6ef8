import { redactor } from '@weir/shared/telemetry'

export type Login =
  | { readonly kind: 'none' }
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'password'; readonly user: string; readonly password: string }

export interface ServerAddress {
  /** `host:port` each. */
  readonly servers: readonly string[]
  readonly login: Login
  readonly tls: boolean
  /** For logs: without the login. */
  readonly shown: string
}

const defaultPort = 4222

/** Reads `--nats-url`. The login of the first server counts for all. Throws on what is no NATS URL. */
export function parseServerAddress(text: string): ServerAddress {
  const urls = text.split(',').map((part) => parseOne(part.trim()))
  const servers = urls.map((url) => `${url.hostname}:${url.port === '' ? defaultPort : url.port}`)
  const login = loginOf(urls.find((url) => url.username !== ''))
  return { servers, login, tls: urls.some((url) => url.protocol === 'tls:'), shown: servers.join(',') }
}

function parseOne(text: string): URL {
  const url = URL.parse(text.includes('://') ? text : `nats://${text}`)
  if (url === null || url.hostname === '' || !['nats:', 'tls:'].includes(url.protocol)) {
    throw new Error('the NATS URL must look like nats://host:port or tls://host:port')
  }
  return url
}

function loginOf(url: URL | undefined): Login {
  if (url === undefined) return { kind: 'none' }
  const user = decodeURIComponent(url.username)
  const password = decodeURIComponent(url.password)
  redactor.add(password === '' ? user : password)
  return password === '' ? { kind: 'token', token: user } : { kind: 'password', user, password }
}
