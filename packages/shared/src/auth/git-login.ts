import { createPrivateKey, X509Certificate } from 'node:crypto'
import { redactor } from '@weir/shared/telemetry'
import { AuthError } from './auth-error.ts'
import type { Login, TlsFiles } from './login.ts'
import { readSecret, type SecretData, type SecretValues } from './secret-data.ts'

/** A repository's address without its login. */
export interface GitAddress {
  readonly scheme: 'http' | 'https' | 'ssh'
  /** What Git is given: no password in it, and no user but for ssh. */
  readonly url: string
  readonly username?: string
  readonly password?: string
}

/**
 * The login for a Git URL from the Secret that `spec.secretRef` names (contract 1.8, 2.7). Every secret value is
 * registered with the redactor before anything else. AuthError on everything that cannot be used.
 */
export function gitLogin(url: string, secret: SecretData | undefined): Login {
  const address = parseGitUrl(url)
  if (address.password !== undefined) redactor.add(address.password)
  const values = readSecret(secret ?? {})
  registerSecrets(values)
  refuseAppKeys(values)
  return address.scheme === 'ssh' ? sshLogin(address, secret === undefined ? undefined : values) : httpLogin(address, values)
}

/** Takes a Git URL apart. AuthError `url` for other schemes, a missing host, control characters and what Git could take for an option. */
export function parseGitUrl(text: string): GitAddress {
  if (/[\u0000-\u0020\u007f]/.test(text)) throw new AuthError('url', 'the URL holds spaces or control characters')
  const parsed = URL.canParse(text) ? new URL(text) : undefined
  if (parsed === undefined) throw new AuthError('url', 'the URL cannot be parsed')
  const scheme = schemeOf(parsed)
  if (parsed.hostname === '' || parsed.hostname.startsWith('-')) throw new AuthError('url', 'the URL names no host')
  const username = decodePart(parsed.username)
  const password = decodePart(parsed.password)
  if (username.startsWith('-')) throw new AuthError('url', 'the user in the URL starts with a dash')
  parsed.password = ''
  parsed.username = scheme === 'ssh' ? parsed.username : ''
  return {
    scheme,
    url: parsed.href,
    ...(username === '' ? {} : { username }),
    ...(password === '' ? {} : { password }),
  }
}

function schemeOf(url: URL): GitAddress['scheme'] {
  switch (url.protocol) {
    case 'http:':
      return 'http'
    case 'https:':
      return 'https'
    case 'ssh:':
      return 'ssh'
    default:
      throw new AuthError('url', `scheme ${JSON.stringify(url.protocol.slice(0, -1))} is none of http, https, ssh`)
  }
}

function decodePart(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new AuthError('url', 'the login in the URL is not percent-encoded properly')
  }
}

const secretKeys = ['password', 'bearerToken', 'identity', 'tls.key', 'githubAppPrivateKey']

function registerSecrets(values: SecretValues): void {
  for (const key of secretKeys) {
    const value = values.text(key)
    if (value !== undefined && value !== '') redactor.add(value)
  }
}

function refuseAppKeys(values: SecretValues): void {
  const key = ['githubAppID', 'githubAppClientID', 'githubAppPrivateKey'].find((name) => values.has(name))
  if (key !== undefined) throw new AuthError('provider', `key ${JSON.stringify(key)} is for provider "github", not for "generic"`)
}

function sshLogin(address: GitAddress, values: SecretValues | undefined): Login {
  if (values === undefined) throw new AuthError('missing', 'an ssh URL needs spec.secretRef with the keys identity and known_hosts')
  const identity = required(values, 'identity')
  const knownHosts = required(values, 'known_hosts')
  const passphrase = values.text('password')
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(identity)) throw new AuthError('invalid', 'key "identity" is no private key in PEM or OpenSSH form')
  return {
    kind: 'ssh',
    user: address.username ?? 'git',
    identity: asLines(identity),
    knownHosts: asLines(knownHosts),
    ...(passphrase === undefined || passphrase === '' ? {} : { passphrase }),
  }
}

/** ssh reads neither carriage returns nor a key whose last line does not end. */
function asLines(text: string): string {
  return `${text.replaceAll('\r\n', '\n').trimEnd()}\n`
}

function httpLogin(address: GitAddress, values: SecretValues): Login {
  const tls = tlsFiles(values)
  const shared = tls === undefined ? {} : { tls }
  const username = values.text('username')
  const password = values.text('password')
  const token = values.text('bearerToken')
  if (token !== undefined) {
    if (username !== undefined || password !== undefined) throw new AuthError('invalid', 'keys "bearerToken" and "username" or "password" exclude each other')
    return { kind: 'bearer', token: headerValue(token, 'bearerToken'), ...shared }
  }
  if (username) return { kind: 'basic', username, password: password ?? '', ...shared }
  if (password !== undefined) throw new AuthError('invalid', 'key "password" is given without "username"')
  return { ...addressLogin(address), ...shared }
}

/** Userinfo in the URL is the fallback. */
function addressLogin({ username, password }: GitAddress): Login {
  if (username === undefined && password === undefined) return { kind: 'none' }
  return { kind: 'basic', username: username ?? '', password: password ?? '' }
}

/** A token with a line break could smuggle in another header. */
function headerValue(token: string, key: string): string {
  const trimmed = token.trim()
  if (/[^\u0021-\u007e]/.test(trimmed)) throw new AuthError('invalid', `key ${JSON.stringify(key)} holds spaces or control characters`)
  return trimmed
}

function tlsFiles(values: SecretValues): TlsFiles | undefined {
  const caKey = values.has('ca.crt') ? 'ca.crt' : 'caFile'
  const ca = values.text(caKey)
  const certificate = values.text('tls.crt')
  const key = values.text('tls.key')
  if ((certificate === undefined) !== (key === undefined)) throw new AuthError('invalid', 'keys "tls.crt" and "tls.key" need each other')
  if (ca !== undefined) checkCertificate(ca, caKey)
  if (certificate !== undefined) checkCertificate(certificate, 'tls.crt')
  if (key !== undefined) checkKey(key)
  if (ca === undefined && certificate === undefined) return undefined
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(certificate === undefined || key === undefined ? {} : { client: { certificate, key } }),
  }
}

function checkCertificate(pem: string, key: string): void {
  try {
    void new X509Certificate(pem)
  } catch {
    throw new AuthError('invalid', `key ${JSON.stringify(key)} is no certificate in PEM form`)
  }
}

function checkKey(pem: string): void {
  try {
    createPrivateKey(pem)
  } catch {
    throw new AuthError('invalid', 'key "tls.key" is no unencrypted private key in PEM form')
  }
}

function required(values: SecretValues, key: string): string {
  const value = values.text(key)
  if (value === undefined || value.trim() === '') throw new AuthError('missing', `key ${JSON.stringify(key)} is missing`)
  return value
}
