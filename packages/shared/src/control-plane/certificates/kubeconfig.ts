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
