import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { CertificateFiles } from './authority.ts'
import type { Subject } from './certificate.ts'

export const controllerNamespace = 'weir-system'

/** What the certificate of a user says. Only `admin` may do everything; see {@link Cluster.kubeconfig}. */
export function subjectOf(user: string): Subject {
  if (user === 'admin') return { commonName: 'weir-admin', organizations: ['system:masters'] }
  return {
    commonName: `system:serviceaccount:${controllerNamespace}:${user}`,
    organizations: ['system:serviceaccounts', `system:serviceaccounts:${controllerNamespace}`],
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
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'weir', cluster: { server: url, 'certificate-authority-data': base64(authority) } }],
    users: [{ name: user, user: { 'client-certificate-data': base64(client.certificate), 'client-key-data': base64(client.key) } }],
    contexts: [{ name: 'weir', context: { cluster: 'weir', user } }],
    'current-context': 'weir',
  }
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  writeFileSync(path, `${JSON.stringify(config, undefined, 2)}\n`, { mode: 0o600 })
}

/** PEM texts. */
export interface Access {
  readonly url: string
  readonly authority: string
  readonly certificate: string
  readonly key: string
}

/** Reads back what {@link writeKubeconfig} wrote. For any other kubeconfig there is the room `kube`. */
export function readKubeconfig(text: string): Access {
  const config = JSON.parse(text) as Written
  const [cluster] = config.clusters
  const [user] = config.users
  if (cluster === undefined || user === undefined) throw new Error('not a kubeconfig of this room')
  const decode = (base64: string): string => Buffer.from(base64, 'base64').toString('utf8')
  return {
    url: cluster.cluster.server,
    authority: decode(cluster.cluster['certificate-authority-data']),
    certificate: decode(user.user['client-certificate-data']),
    key: decode(user.user['client-key-data']),
  }
}

interface Written {
  readonly clusters: readonly { readonly cluster: { readonly server: string; readonly 'certificate-authority-data': string } }[]
  readonly users: readonly { readonly user: { readonly 'client-certificate-data': string; readonly 'client-key-data': string } }[]
}
