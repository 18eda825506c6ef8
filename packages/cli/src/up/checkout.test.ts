import { describe, expect, it } from '@jest/globals'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findCheckout, waysToACluster } from './checkout.ts'

describe('findCheckout', () => {
  it('finds the root from any folder in it', () => expect(findCheckout(import.meta.dirname)).toBe(join(import.meta.dirname, '../../../..')))

  it('finds none outside of one', () => expect(findCheckout(tmpdir())).toBeUndefined())

  it('leaves a person with ways to a cluster', () => expect(waysToACluster).toMatch(/^no cluster: [^]*--kubeconfig[^]*kind[^]*Go/))
})
