import { expect, it } from '@jest/globals'
import { missingPaths, pathsOf } from './field-paths.ts'

const containers = { 'f:containers': { 'k:{"name":"app"}': { '.': {}, 'f:image': {} } } }

it('reads like what people write', () => {
  const fields = { 'f:spec': { 'f:replicas': {}, 'f:template': { 'f:spec': containers } }, 'f:metadata': { 'f:labels': { 'f:app.kubernetes.io/name': {} }, 'f:finalizers': { 'v:"x"': {} } } }
  expect(pathsOf(fields)).toEqual(['.spec.replicas', '.spec.template.spec.containers[name="app"].image', '.metadata.labels["app.kubernetes.io/name"]', '.metadata.finalizers[=…]'])
})

it('finds what is missing', () => {
  expect(missingPaths({ 'f:a': {}, 'f:b': { 'f:c': {}, 'f:d': {} } }, { 'f:a': {}, 'f:b': { 'f:d': {} } })).toEqual(['.b.c'])
  expect(missingPaths(undefined, undefined)).toEqual([])
})
