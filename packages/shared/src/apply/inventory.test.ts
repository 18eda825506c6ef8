import { expect, it } from '@jest/globals'
import { holdsAll, subtract, toInventory, toRefs, unite, unreadable } from './inventory.ts'

const deployment = { id: 'ns_a_apps_Deployment', v: 'v1' }
const config = { id: 'ns_a__ConfigMap', v: 'v1' }
const namespace = { id: '_ns__Namespace', v: 'v1' }

it('is sorted as it is applied, without doubles', () => {
  const refs = toRefs([deployment, namespace, config, deployment])
  expect(toInventory(refs)).toEqual([namespace, config, deployment])
})

it('takes the newer version of what both hold', () => {
  expect(unite([{ ...deployment, v: 'v1beta1' }], [config, deployment])).toEqual([config, deployment])
})

it('finds what is stale whatever its version', () => {
  expect(subtract([deployment, config], [{ ...config, v: 'v2' }])).toEqual([deployment])
  expect(holdsAll([deployment, config], [config])).toBe(true)
  expect(holdsAll([config], [config, deployment])).toBe(false)
})

it('keeps entries that it cannot read, and names them', () => {
  const odd = { id: 'nonsense', v: 'v1' }
  expect(unite([odd], [config])).toEqual([config, odd])
  expect(unreadable([odd, config])).toEqual(['nonsense'])
  expect(toRefs([odd])).toEqual([])
})
