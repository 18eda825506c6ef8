import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import type { KeyPairKeyObjectResult } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { issueCertificate } from './certificate.ts'
import type { Subject } from './certificate.ts'

/** A key and its certificate, as PEM files. */
export interface CertificateFiles {
  readonly certificate: string
  readonly key: string
}

/** The certificate authority of one run's folder. All it makes is made once and found again by the next start. */
export interface Authority {
  /** PEM file of the authority's own certificate. */
  readonly certificate: string
  server(name: string, hosts: readonly string[]): CertificateFiles
  client(name: string, subject: Subject): CertificateFiles
  /** A bare key pair, for signing tokens. */
  keyPair(name: string): { readonly publicKey: string; readonly privateKey: string }
}

const dayMs = 24 * 60 * 60_000

/** Clocks of virtual machines jump: valid since yesterday. Ten years, since a kept folder is used again. */
function validityFrom(now: Date): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(now.getTime() - dayMs), notAfter: new Date(now.getTime() + 3650 * dayMs) }
}

/** Synchronous like its users; a key pair takes a fraction of a millisecond. Files are for the owner only. */
export function openAuthority(dir: string, now: Date): Authority {
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const validity = validityFrom(now)
  const subject: Subject = { commonName: 'weir-control-plane' }
  const files = (name: string): CertificateFiles => ({ certificate: join(dir, `${name}.crt`), key: join(dir, `${name}.key`) })
  const own = files('ca')
  if (!existsSync(own.certificate)) {
    const { publicKey, privateKey } = newKey(own.key)
    writeOwn(own.certificate, issueCertificate({ subject, publicKey, issuer: subject, issuerKey: privateKey, use: 'authority', ...validity }))
  }
  const issuerKey = createPrivateKey(readFileSync(own.key))
  const issue = (name: string, spec: { subject: Subject; use: 'server' | 'client'; hosts?: readonly string[] }): CertificateFiles => {
    const made = files(name)
    if (existsSync(made.certificate)) return made
    const { publicKey } = newKey(made.key)
    writeOwn(made.certificate, issueCertificate({ ...spec, publicKey, issuer: subject, issuerKey, ...validity }))
    return made
  }
  return {
    certificate: own.certificate,
    server: (name, hosts) => issue(name, { subject: { commonName: name }, use: 'server', hosts }),
    client: (name, subject) => issue(name, { subject, use: 'client' }),
    keyPair(name) {
      const paths = { publicKey: join(dir, `${name}.pub`), privateKey: join(dir, `${name}.key`) }
      if (existsSync(paths.publicKey)) return paths
      const { publicKey } = newKey(paths.privateKey)
      writeOwn(paths.publicKey, publicKey.export({ type: 'spki', format: 'pem' }).toString())
      return paths
    },
  }
}

function newKey(path: string): KeyPairKeyObjectResult {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  writeOwn(path, pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())
  return pair
}

function writeOwn(path: string, text: string): void {
  writeFileSync(path, text, { mode: 0o600 })
}
