import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { getCACertificates } from 'node:tls'
import { parseGitUrl, type Login, type TlsFiles } from '@weir/shared/auth'

/** What git is told beside its arguments: environment variables and configuration. Nothing secret reaches an argument list. */
export interface Access {
  readonly environment: Readonly<Record<string, string>>
  readonly config: readonly (readonly [key: string, value: string])[]
}

export interface SshAlgorithms {
  readonly kex: readonly string[]
  readonly hostKeys: readonly string[]
}

/** Writes what a login needs as files into a private directory of one operation, and says how git finds it. */
export async function openAccess(login: Login, dir: string, algorithms: SshAlgorithms): Promise<Access> {
  switch (login.kind) {
    case 'none':
      return { environment: {}, config: [...(await tlsConfig(login.tls, dir)), ['http.followRedirects', login.tls?.client ? 'false' : 'initial']] }
    case 'basic':
      return headerAccess(`Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`, login.tls, dir)
    case 'bearer':
      return headerAccess(`Bearer ${login.token}`, login.tls, dir)
    case 'ssh':
      return sshAccess(login, dir, algorithms)
  }
}

/** Git takes these for redirects, too: nothing leads from https to http, where anybody on the way may answer. */
export function allowedProtocols(url: string): Access['environment'] {
  const { scheme } = parseGitUrl(url)
  return { GIT_ALLOW_PROTOCOL: scheme === 'http' ? 'http:https' : scheme }
}

/** A header that we add goes wherever git is redirected to, so it is not redirected at all. */
async function headerAccess(authorization: string, tls: TlsFiles | undefined, dir: string): Promise<Access> {
  const config = await tlsConfig(tls, dir)
  return { environment: {}, config: [...config, ['http.extraHeader', `Authorization: ${authorization}`], ['http.followRedirects', 'false']] }
}

async function tlsConfig(tls: TlsFiles | undefined, dir: string): Promise<readonly (readonly [string, string])[]> {
  const config: (readonly [string, string])[] = []
  if (tls?.ca !== undefined) {
    // Git's setting replaces the system's authorities; the contract adds to them.
    config.push(['http.sslCAInfo', await put(dir, 'ca.pem', [tls.ca, ...systemAuthorities()].join('\n'))])
  }
  if (tls?.client !== undefined) {
    config.push(['http.sslCert', await put(dir, 'client.pem', tls.client.certificate)])
    config.push(['http.sslKey', await put(dir, 'client.key', tls.client.key)])
  }
  return config
}

function systemAuthorities(): readonly string[] {
  const system = getCACertificates('system')
  return system.length > 0 ? system : getCACertificates('bundled')
}

async function sshAccess(login: Extract<Login, { kind: 'ssh' }>, dir: string, algorithms: SshAlgorithms): Promise<Access> {
  const key = await put(dir, 'identity', login.identity)
  const knownHosts = await put(dir, 'known_hosts', login.knownHosts)
  const command = sshCommand(sshOptions({ user: login.user, key, knownHosts, hasPassphrase: login.passphrase !== undefined, algorithms }))
  const asking = login.passphrase === undefined ? {} : await askPass(dir, login.passphrase)
  return { environment: { GIT_SSH_COMMAND: command, GIT_SSH_VARIANT: 'ssh', ...asking }, config: [] }
}

interface SshSetup {
  readonly user: string
  readonly key: string
  readonly knownHosts: string
  readonly hasPassphrase: boolean
  readonly algorithms: SshAlgorithms
}

function sshOptions({ user, key, knownHosts, hasPassphrase, algorithms }: SshSetup): readonly string[] {
  return [
    // A URL without a user would log in as the user of this process. An odd one is in the URL, where ssh finds it.
    ...(/^[\w.-]+$/.test(user) ? [`User=${user}`] : []),
    `IdentityFile="${key}"`,
    'IdentitiesOnly=yes',
    'IdentityAgent=none',
    `UserKnownHostsFile="${knownHosts}"`,
    'GlobalKnownHostsFile=/dev/null',
    'StrictHostKeyChecking=yes',
    'UpdateHostKeys=no',
    'PreferredAuthentications=publickey',
    // Batch mode would not ask for the passphrase of the key either.
    hasPassphrase ? 'NumberOfPasswordPrompts=1' : 'BatchMode=yes',
    'ConnectTimeout=30',
    'ServerAliveInterval=10',
    'ServerAliveCountMax=3',
    'ForwardAgent=no',
    'PermitLocalCommand=no',
    ...(algorithms.kex.length === 0 ? [] : [`KexAlgorithms=${algorithms.kex.join(',')}`]),
    ...(algorithms.hostKeys.length === 0 ? [] : [`HostKeyAlgorithms=${algorithms.hostKeys.join(',')}`]),
  ]
}

/** Git hands it to a shell. */
function sshCommand(options: readonly string[]): string {
  return ['ssh', '-F', '/dev/null', ...options.flatMap((option) => ['-o', option])].map(shellQuoted).join(' ')
}

function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

/** ssh runs a program to learn the passphrase; the program reads it from a file beside it. */
async function askPass(dir: string, passphrase: string): Promise<Record<string, string>> {
  const secret = await put(dir, 'passphrase', passphrase)
  const script = join(dir, 'ask-passphrase')
  await writeFile(script, `#!/bin/sh\nexec cat ${shellQuoted(secret)}\n`, { mode: 0o700, flag: 'wx' })
  return { SSH_ASKPASS: script, SSH_ASKPASS_REQUIRE: 'force', DISPLAY: ':none' }
}

async function put(dir: string, name: string, content: string): Promise<string> {
  const path = join(dir, name)
  await writeFile(path, content, { mode: 0o600, flag: 'wx' })
  return path
}
