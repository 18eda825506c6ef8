import { describe, expect, it } from '@jest/globals'
import { decodeObject } from './object.ts'

const good = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } }

describe('decodeObject', () => {
  it('takes an object', () => {
    expect(decodeObject(good)).toEqual({ ok: true, object: good })
  })

  it.each([
    [null, 'not an object'],
    [[], 'not an object'],
    [{ apiVersion: 'v1' }, 'kind is missing'],
    [{ ...good, apiVersion: '' }, 'ConfigMap: apiVersion'],
    [{ ...good, apiVersion: 'a/b/c' }, 'ConfigMap: apiVersion'],
    [{ ...good, metadata: {} }, 'ConfigMap: metadata.name is missing'],
    [{ ...good, metadata: { name: 7 } }, 'ConfigMap: metadata.name is missing'],
    [{ ...good, metadata: { name: 'a', namespace: 7 } }, 'ConfigMap/a: metadata.namespace'],
    [{ ...good, metadata: { name: 'a', labels: { x: true } } }, 'metadata.labels["x"] is not a string'],
    [{ ...good, metadata: { name: 'a', annotations: [] } }, 'metadata.annotations is not a map'],
  ])('refuses %j and names the field', (value, message) => {
    const decoded = decodeObject(value)
    expect(decoded).toMatchObject({ ok: false, message: expect.stringContaining(message) })
  })
})
