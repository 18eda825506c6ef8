import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { CertificateFiles } from './authority.ts'
import type { Subject } from './certificate.ts'

export const controllerNamespace = 'weir-system'

/** What the certificate of a user says. Only `admin` may do everything; see {@link Cluster.kubeconfig}. */
export function subjectOf(user: string): Subject {
  if (user === 'admin') return { commonName: 'weir-admin', organizations: ['system:masters'] }
  const [namespace = '', name = ''] = user.includes(':') ? user.split(':') : [controllerNamespace, user]
  return {
    commonName: `system:serviceaccount:${namespace}:${name}`,
    organizations: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`],
  }
}

export interface KubeconfigSpec {
  readonly url: string
  readonly user: string
  /** PEM file. */
  readonly authority: string
  readonly client: CertificateFiles
}

/** A kubeconfig with everything inside, so that the one file can be handed on. JSON is YAML. */
export function writeKubeconfig(path: string, { url, user, authority, client }: KubeconfigSpec): void {
  const base64 = (file: string): string => readFileSync(file).toString('base64')
  const cluster = { server: url, 'certificate-authority-data': base64(authority) }
  write(path, { cluster, user, credentials: { 'client-certificate-data': base64(client.certificate), 'client-key-data': base64(client.key) } })
}

/** The cluster's entry as kubeconfig files have it. */
export interface ClusterEntry {
  readonly server: string
  readonly 'certificate-authority-data'?: string
  readonly 'insecure-skip-tls-verify'?: boolean
  readonly 'tls-server-name'?: string
}

export interface TokenKubeconfigSpec {
  readonly cluster: ClusterEntry
  readonly user: string
  readonly token: string
}

export function writeTokenKubeconfig(path: string, { cluster, user, token }: TokenKubeconfigSpec): void {
  write(path, { cluster, user, credentials: { token } })
}

interface Credentials {
  readonly 'client-certificate-data'?: string
  readonly 'client-key-data'?: string
  readonly token?: string
}

interface Entries {
  readonly cluster: ClusterEntry
  readonly user: string
  readonly credentials: Credentials
}

function write(path: string, { cluster, user, credentials }: Entries): void {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'weir', cluster }],
    users: [{ name: user, user: credentials }],
    contexts: [{ name: 'weir', context: { cluster: 'weir', user } }],
    'current-context': 'weir',
  }
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  writeFileSync(path, `${JSON.stringify(config, undefined, 2)}\n`, { mode: 0o600 })
}

/** How to reach an API server and prove who one is, as PEM texts; a token instead of certificate and key. */
export interface Access {
  readonly url: string
  /** Absent: one that the machine trusts already. */
  readonly authority?: string | undefined
  readonly certificate?: string | undefined
  readonly key?: string | undefined
  readonly token?: string | undefined
  readonly serverName?: string | undefined
  readonly isServerTrusted?: boolean | undefined
}

/** Reads back what was written here. For any other kubeconfig there is the room `kube`. */
export function readKubeconfig(text: string): Access {
  const config = JSON.parse(text) as { readonly clusters: readonly { readonly cluster: ClusterEntry }[]; readonly users: readonly { readonly user: Credentials }[] }
  const cluster = config.clusters[0]?.cluster
  const user = config.users[0]?.user
  if (cluster === undefined || user === undefined) throw new Error('not a kubeconfig of this room')
  const decode = (base64: string | undefined): string | undefined => (base64 === undefined ? undefined : Buffer.from(base64, 'base64').toString('utf8'))
  return {
    url: cluster.server,
    authority: decode(cluster['certificate-authority-data']),
    certificate: decode(user['client-certificate-data']),
    key: decode(user['client-key-data']),
    token: user.token,
    serverName: cluster['tls-server-name'],
    isServerTrusted: cluster['insecure-skip-tls-verify'],
  }
}
