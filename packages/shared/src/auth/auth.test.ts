import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { AuthError, digestOfLogin, gitLogin, parseGitUrl, type Login } from '@weir/shared/auth'
import { redact } from '@weir/shared/telemetry'
import { makeCertificates, startGitServer, type GitServer, type TestCertificates } from '@weir/shared/testing'

const encode = (values: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]))

const login = (url: string, values?: Readonly<Record<string, string>>): Login => gitLogin(url, values && encode(values))

function codeOf(run: () => unknown): string {
  try {
    run()
    return 'ok'
  } catch (error) {
    if (error instanceof AuthError) return error.code
    throw error
  }
}

const https = 'https://git.example/fleet.git'
const ssh = 'ssh://git@git.example/fleet.git'

let certificates: TestCertificates
let server: GitServer
beforeAll(async () => {
  certificates = await makeCertificates()
  server = await startGitServer({ transport: 'ssh' })
})
afterAll(() => server.close())

describe('gitLogin over http', () => {
  const rows: readonly (readonly [string, string, Record<string, string> | undefined, Login])[] = [
    ['no Secret', https, undefined, { kind: 'none' }],
    ['basic', https, { username: 'weir', password: 'p' }, { kind: 'basic', username: 'weir', password: 'p' }],
    ['a user alone', https, { username: 'weir' }, { kind: 'basic', username: 'weir', password: '' }],
    ['a token', https, { bearerToken: 'token' }, { kind: 'bearer', token: 'token' }],
    ['an empty token, which selects bearer all the same', https, { bearerToken: '' }, { kind: 'bearer', token: '' }],
    ['a token with the line end of the file it came from', https, { bearerToken: 'token\n' }, { kind: 'bearer', token: 'token' }],
    ['the login in the URL, where the Secret has none', 'https://me:p%40ss@git.example/x', undefined, { kind: 'basic', username: 'me', password: 'p@ss' }],
    ['the Secret before the URL', 'https://me:other@git.example/x', { username: 'weir', password: 'p' }, { kind: 'basic', username: 'weir', password: 'p' }],
    ['plain http with a login', 'http://git.example/x', { username: 'weir', password: 'p' }, { kind: 'basic', username: 'weir', password: 'p' }],
  ]
  it.each(rows)('reads %s', (_what, url, values, expected) => {
    expect(login(url, values)).toEqual(expected)
  })

  it.each([
    ['bearer and basic together', { bearerToken: 't', username: 'u', password: 'p' }, 'invalid'],
    ['a password without a user', { password: 'p' }, 'invalid'],
    ['a token that would add a header', { bearerToken: 'a\nX-Admin: 1' }, 'invalid'],
    ['a certificate without its key', { 'tls.crt': 'x' }, 'invalid'],
    ['a CA that is none', { 'ca.crt': 'x' }, 'invalid'],
    ['a GitHub App', { githubAppID: '1', githubAppPrivateKey: 'x' }, 'provider'],
    ['a GitHub App by client', { githubAppClientID: '1' }, 'provider'],
  ])('refuses %s', (_what, values, code) => {
    expect(codeOf(() => login(https, values))).toBe(code)
  })

  it('reads certificates: ca.crt before caFile, and only tls.crt with tls.key for the client', () => {
    const { ca, client } = certificates
    expect(login(https, { 'ca.crt': ca, caFile: 'ignored' })).toEqual({ kind: 'none', tls: { ca } })
    expect(login(https, { caFile: ca, certFile: client.cert, keyFile: client.key })).toEqual({ kind: 'none', tls: { ca } })
    expect(login(https, { 'tls.crt': client.cert, 'tls.key': client.key, bearerToken: 't' })).toEqual({ kind: 'bearer', token: 't', tls: { client: { certificate: client.cert, key: client.key } } })
    expect(codeOf(() => login(https, { 'tls.crt': client.cert, 'tls.key': 'no key' }))).toBe('invalid')
  })

  it('registers every secret before anything can fail', () => {
    expect(codeOf(() => login(https, { password: 'canary-without-a-user' }))).toBe('invalid')
    expect(codeOf(() => login(https, { bearerToken: 'canary-bearer-token', username: 'u' }))).toBe('invalid')
    login('https://me:canary-in-the-url@git.example/x')
    expect(redact('canary-without-a-user canary-bearer-token canary-in-the-url')).not.toContain('canary')
  })
})

describe('gitLogin over ssh', () => {
  const secret = (): Record<string, string> => Object.fromEntries(Object.entries(server.secret ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]))

  it('needs identity and known_hosts, and takes the user of the URL or git', () => {
    const { identity = '', known_hosts: hosts = '' } = secret()
    expect(login('ssh://me@git.example:2222/x', { identity, known_hosts: hosts, password: '' })).toMatchObject({ kind: 'ssh', user: 'me' })
    expect(login('ssh://git.example/x', { identity, known_hosts: hosts, password: 'open' })).toMatchObject({ user: 'git', passphrase: 'open' })
    expect(codeOf(() => login(ssh))).toBe('missing')
    expect(codeOf(() => login(ssh, { identity }))).toBe('missing')
    expect(codeOf(() => login(ssh, { known_hosts: hosts }))).toBe('missing')
    expect(codeOf(() => login(ssh, { identity: 'no key', known_hosts: hosts }))).toBe('invalid')
  })

  it('mends line ends that ssh does not read', () => {
    const { identity = '', known_hosts: hosts = '' } = secret()
    expect(login(ssh, { identity: identity.trimEnd().replaceAll('\n', '\r\n'), known_hosts: hosts })).toMatchObject({ identity: `${identity.trimEnd()}\n` })
  })
})

describe('parseGitUrl', () => {
  it('takes the login out of what git is given', () => {
    expect(parseGitUrl('https://me:secret@git.example/a.git').url).toBe('https://git.example/a.git')
    expect(parseGitUrl('ssh://me:secret@git.example:22/a.git').url).toBe('ssh://me@git.example:22/a.git')
  })

  it.each(['ext::id', 'file:///x', 'git@host:path', '-u', 'ssh://-oProxyCommand=x/y', 'ssh://-l@host/x', 'http://a b/', 'https://h/\u0000', 'https://%ZZ@h/x'])('refuses %j', (url) => {
    expect(codeOf(() => parseGitUrl(url))).toBe('url')
  })
})

describe('digestOfLogin', () => {
  it('differs whenever anything in the login differs, also where the parts joined are the same', () => {
    const logins: Login[] = [
      { kind: 'none' },
      { kind: 'none', tls: { ca: 'x' } },
      { kind: 'none', tls: { client: { certificate: 'x', key: '' } } },
      { kind: 'basic', username: 'ab', password: 'c' },
      { kind: 'basic', username: 'a', password: 'bc' },
      { kind: 'bearer', token: 'abc' },
      { kind: 'ssh', user: 'git', identity: 'i', knownHosts: 'k' },
      { kind: 'ssh', user: 'git', identity: 'i', knownHosts: 'k', passphrase: 'p' },
    ]
    expect(new Set(logins.map(digestOfLogin)).size).toBe(logins.length)
    expect(digestOfLogin({ kind: 'bearer', token: 'abc' })).toBe(digestOfLogin({ kind: 'bearer', token: 'abc' }))
  })
})
