import { describe, expect, it } from '@jest/globals'
import { advertisedAddress } from './advertised.ts'

describe('advertisedAddress', () => {
  it.each([
    ['source-controller.weir-system.svc', '0.0.0.0:9090', 'pod-1', 'source-controller.weir-system.svc'],
    ['', '127.0.0.1:9090', 'pod-1', '127.0.0.1:9090'],
    ['', '0.0.0.0:9090', 'pod-1', 'pod-1:9090'],
    ['', '[::]:9090', 'pod-1', 'pod-1:9090'],
    ['', '0.0.0.0:9090', undefined, 'localhost:9090'],
  ])('asked %j, served on %j, host %j: %j', (asked, served, hostname, expected) => {
    expect(advertisedAddress(asked, served, hostname)).toBe(expected)
  })
})
