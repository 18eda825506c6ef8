import { createServer } from 'node:https'
import { request } from 'node:https'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { X509Certificate } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { openAuthority } from './authority.ts'
import { subjectOf } from './kubeconfig.ts'

const now = new Date('2026-05-06T07:08:09Z')
const state = { dir: '' }

beforeEach(() => {
  state.dir = mkdtempSync(join(tmpdir(), 'weir-test-'))
})
afterEach(() => rmSync(state.dir, { recursive: true, force: true }))

const parse = (file: string): X509Certificate => new X509Certificate(readFileSync(file))

describe('an authority', () => {
  it('signs itself and says that it may sign', () => {
    const authority = parse(openAuthority(state.dir, now).certificate)
    expect(authority.ca).toBe(true)
    expect(authority.verify(authority.publicKey)).toBe(true)
    expect(authority.subject).toBe('CN=weir-control-plane')
    expect(new Date(authority.validFrom).toISOString()).toBe('2026-05-05T07:08:09.000Z')
    expect(new Date(authority.validTo).toISOString()).toBe('2036-05-03T07:08:09.000Z')
  })

  it('writes dates after 2049 in the long form', () => {
    const authority = parse(openAuthority(state.dir, new Date('2045-01-01T00:00:00Z')).certificate)
    expect(new Date(authority.validTo).toISOString()).toBe('2054-12-30T00:00:00.000Z')
  })

  it('issues a server certificate for names and addresses', () => {
    const authority = openAuthority(state.dir, now)
    const server = parse(authority.server('kube-apiserver', ['127.0.0.1', 'localhost']).certificate)
    expect(server.ca).toBe(false)
    expect(server.checkIP('127.0.0.1')).toBe('127.0.0.1')
    expect(server.checkHost('localhost')).toBe('localhost')
    expect(server.checkHost('example.org')).toBeUndefined()
    expect(server.checkIssued(parse(authority.certificate))).toBe(true)
    expect(server.verify(parse(authority.certificate).publicKey)).toBe(true)
    expect(server.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1'])
  })

  it('names a controller as its service account, with its groups', () => {
    const client = parse(openAuthority(state.dir, now).client('c', subjectOf('source-controller')).certificate)
    expect(client.subject.split('\n')).toEqual([
      'O=system:serviceaccounts',
      'O=system:serviceaccounts:weir-system',
      'CN=system:serviceaccount:weir-system:source-controller',
    ])
    expect(client.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2'])
  })

  it('names a controller of another namespace with the groups of that one', () => {
    expect(subjectOf('flux-system:source-controller')).toEqual({
      commonName: 'system:serviceaccount:flux-system:source-controller',
      organizations: ['system:serviceaccounts', 'system:serviceaccounts:flux-system'],
    })
  })

  it('gives every certificate a serial number of its own', () => {
    const authority = openAuthority(state.dir, now)
    const serials = ['a', 'b', 'c'].map((name) => parse(authority.client(name, { commonName: name }).certificate).serialNumber)
    expect(new Set(serials).size).toBe(3)
  })

  it('finds what it made when its folder is opened again', () => {
    const first = openAuthority(state.dir, now)
    const made = readFileSync(first.client('a', { commonName: 'a' }).certificate, 'utf8')
    const again = openAuthority(state.dir, new Date('2027-01-01T00:00:00Z'))
    expect(readFileSync(again.client('a', { commonName: 'a' }).certificate, 'utf8')).toBe(made)
    expect(parse(again.client('b', { commonName: 'b' }).certificate).verify(parse(first.certificate).publicKey)).toBe(true)
  })

  it('keeps keys from other users of the machine', () => {
    const authority = openAuthority(state.dir, now)
    const files = [authority.server('s', ['localhost']).key, authority.keyPair('tokens').privateKey, join(state.dir, 'ca.key')]
    expect(files.map((file) => statSync(file).mode & 0o777)).toEqual([0o600, 0o600, 0o600])
  })

  it('carries a mutual TLS connection', async () => {
    const authority = openAuthority(state.dir, now)
    const pem = (files: { certificate: string; key: string }) => ({ cert: readFileSync(files.certificate), key: readFileSync(files.key) })
    const ca = readFileSync(authority.certificate)
    const server = createServer({ ...pem(authority.server('s', ['127.0.0.1'])), ca, requestCert: true, rejectUnauthorized: true }, (incoming, answer) => {
      const { subject } = (incoming.socket as TLSSocket).getPeerCertificate()
      answer.end(String(subject.CN))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const call = request({ host: '127.0.0.1', port, ca, agent: false, ...pem(authority.client('c', subjectOf('admin'))) }).end()
    const [answer] = await once(call, 'response')
    const [body] = await once(answer.setEncoding('utf8'), 'data')
    expect(body).toBe('weir-admin')
    await new Promise((resolve) => server.close(resolve))
  })
})
