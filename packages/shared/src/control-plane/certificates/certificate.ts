import { createHash, createPublicKey, randomBytes, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { isIP } from 'node:net'
import { bitString, boolean, context, integer, objectId, octetString, sequence, set, time, utf8String } from './der.ts'
import type { Der } from './der.ts'

/** Who a certificate is for. Kubernetes reads the name as user and the organizations as groups. */
export interface Subject {
  readonly commonName: string
  readonly organizations?: readonly string[]
}

export interface CertificateSpec {
  readonly subject: Subject
  readonly publicKey: KeyObject
  readonly issuer: Subject
  readonly issuerKey: KeyObject
  readonly use: 'authority' | 'server' | 'client'
  readonly notBefore: Date
  readonly notAfter: Date
  /** Names and IPv4 addresses that a server answers for. */
  readonly hosts?: readonly string[]
}

const ecdsaWithSha256 = sequence(objectId('1.2.840.10045.4.3.2'))

/** An X.509 v3 certificate (RFC 5280) as PEM, signed with ECDSA P-256 and SHA-256. */
export function issueCertificate(spec: CertificateSpec): string {
  const toBeSigned = sequence(
    context(0, integer(Buffer.of(2)), 'explicit'),
    integer(serialNumber()),
    ecdsaWithSha256,
    nameOf(spec.issuer),
    sequence(time(spec.notBefore), time(spec.notAfter)),
    nameOf(spec.subject),
    spec.publicKey.export({ type: 'spki', format: 'der' }),
    context(3, sequence(...extensionsOf(spec)), 'explicit'),
  )
  const signature = sign('sha256', toBeSigned, spec.issuerKey)
  return toPem(sequence(toBeSigned, ecdsaWithSha256, bitString(signature)))
}

/** Positive, and never the same for two certificates of one authority. */
function serialNumber(): Buffer {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes
}

function nameOf({ commonName, organizations = [] }: Subject): Der {
  const attribute = (id: string, value: string): Der => set(sequence(objectId(id), utf8String(value)))
  return sequence(...organizations.map((value) => attribute('2.5.4.10', value)), attribute('2.5.4.3', commonName))
}

const uses = {
  authority: { keyUsage: 0x86, extended: undefined }, // digitalSignature, keyCertSign, cRLSign
  server: { keyUsage: 0x80, extended: '1.3.6.1.5.5.7.3.1' },
  client: { keyUsage: 0x80, extended: '1.3.6.1.5.5.7.3.2' },
} as const

function extensionsOf({ use, publicKey, issuerKey, hosts = [] }: CertificateSpec): readonly Der[] {
  const { keyUsage, extended } = uses[use]
  const basic = use === 'authority' ? sequence(boolean(true)) : sequence()
  return [
    extension('2.5.29.19', basic, 'critical'),
    extension('2.5.29.15', bitString(Buffer.of(keyUsage), trailingZeros(keyUsage)), 'critical'),
    extension('2.5.29.14', octetString(keyId(publicKey))),
    extension('2.5.29.35', sequence(context(0, keyId(createPublicKey(issuerKey)), 'implicit'))),
    ...(extended === undefined ? [] : [extension('2.5.29.37', sequence(objectId(extended)))]),
    ...(hosts.length === 0 ? [] : [extension('2.5.29.17', sequence(...hosts.map(alternativeName)))]),
  ]
}

function extension(id: string, value: Der, critical?: 'critical'): Der {
  return sequence(objectId(id), ...(critical === undefined ? [] : [boolean(true)]), octetString(value))
}

/** Kinds of GeneralName: 2 is a DNS name, 7 an address. */
function alternativeName(host: string): Der {
  return isIP(host) === 4
    ? context(7, Buffer.from(host.split('.').map(Number)), 'implicit')
    : context(2, Buffer.from(host, 'latin1'), 'implicit')
}

/** SHA-1 of the key bits, method 1 of RFC 5280, 4.2.1.2: an identifier, no protection. */
function keyId(key: KeyObject): Buffer {
  const spki = key.export({ type: 'spki', format: 'der' })
  const pointLength = 65 // an uncompressed P-256 point ends the structure
  return createHash('sha1').update(spki.subarray(-pointLength)).digest()
}

/** DER wants named bits without their trailing zeros. */
function trailingZeros(bits: number): number {
  return 31 - Math.clz32(bits & -bits)
}

function toPem(der: Der): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}
