import { expect, it } from '@jest/globals'
import { ownerOf, withMetadata, withOwner } from './metadata.ts'

const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', labels: { x: '1', y: '2' } } }

it('lays metadata over what is there', () => {
  expect(withMetadata(object, { labels: { x: '3' }, annotations: { z: '4' } }).metadata).toEqual({ name: 'a', labels: { x: '3', y: '2' }, annotations: { z: '4' } })
  expect(withMetadata(object, {})).toEqual(object)
})

it('names an owner, and reads it back', () => {
  const owner = { namespace: 'flux-system', name: 'apps' }
  expect(ownerOf(withOwner(object, owner))).toEqual(owner)
  expect(ownerOf(object)).toBeUndefined()
})
