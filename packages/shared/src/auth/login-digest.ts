import { createHash } from 'node:crypto'
import type { Login } from './login.ts'

/**
 * `sha256:hex` of everything in a login: two logins with one digest see the same repository. For keys in memory and names
 * of directories; not for logs or status, where it would tell that two objects share a password.
 */
export function digestOfLogin(login: Login): string {
  const hash = createHash('sha256')
  for (const part of partsOf(login)) hash.update(`${Buffer.byteLength(part)}:`).update(part)
  return `sha256:${hash.digest('hex')}`
}

function partsOf(login: Login): readonly string[] {
  switch (login.kind) {
    case 'none':
      return [login.kind, ...tlsParts(login.tls)]
    case 'basic':
      return [login.kind, login.username, login.password, ...tlsParts(login.tls)]
    case 'bearer':
      return [login.kind, login.token, ...tlsParts(login.tls)]
    case 'ssh':
      return [login.kind, login.user, login.identity, login.knownHosts, login.passphrase ?? '']
  }
}

function tlsParts(tls: Extract<Login, { kind: 'none' }>['tls']): readonly string[] {
  return tls === undefined ? [] : [tls.ca ?? '', tls.client?.certificate ?? '', tls.client?.key ?? '']
}
