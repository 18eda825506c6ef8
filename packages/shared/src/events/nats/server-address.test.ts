import { describe, expect, it } from '@jest/globals'
import { redact } from '@weir/shared/telemetry'
import { parseServerAddress } from './server-address.ts'

describe('NATS URL', () => {
  it.each([
    ['nats://a:1', { servers: ['a:1'], login: { kind: 'none' }, tls: false, shown: 'a:1' }],
    ['nats', { servers: ['nats:4222'], login: { kind: 'none' }, tls: false, shown: 'nats:4222' }],
    ['tls://a, tls://b:2', { servers: ['a:4222', 'b:2'], login: { kind: 'none' }, tls: true, shown: 'a:4222,b:2' }],
    ['nats://me:p%40ss-word@a', { servers: ['a:4222'], login: { kind: 'password', user: 'me', password: 'p@ss-word' }, tls: false, shown: 'a:4222' }],
    ['nats://a-long-token@[::1]:3', { servers: ['[::1]:3'], login: { kind: 'token', token: 'a-long-token' }, tls: false, shown: '[::1]:3' }],
  ])('reads %s', (text, expected) => {
    expect(parseServerAddress(text)).toEqual(expected)
  })

  it('registers the login as a secret', () => {
    parseServerAddress('nats://me:registered-pw@a')
    expect(redact('x registered-pw y')).toBe('x *** y')
  })

  it.each(['', 'http://a', 'nats://', 'nats://a,', '://'])('refuses %j', (text) => {
    expect(() => parseServerAddress(text)).toThrow(/nats:\/\/host:port/)
  })
})
