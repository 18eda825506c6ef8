import { describe, expect, it } from '@jest/globals'
import { formatAddress, parseListenAddress } from './address.ts'

describe('an address to listen on', () => {
  it.each([
    [':8080', undefined, 8080],
    ['127.0.0.1:0', '127.0.0.1', 0],
    ['localhost:80', 'localhost', 80],
    ['[::1]:9090', '::1', 9090],
    ['0.0.0.0:65535', '0.0.0.0', 65_535],
  ])('%s', (text, host, port) => {
    expect(parseListenAddress(text)).toEqual({ host, port })
  })

  it.each(['', '8080', 'host', 'host:', ':99999', '::1:80', '[nonsense]:80', 'a b:80', 'http://x:80', ':80/x', ':-1'])('refuses %j', (text) => {
    expect(() => parseListenAddress(text)).toThrow(expect.objectContaining({ code: 'address' }))
  })

  it('is written with brackets around IPv6', () => {
    expect([formatAddress('::', 1), formatAddress('127.0.0.1', 2)]).toEqual(['[::]:1', '127.0.0.1:2'])
  })
})
