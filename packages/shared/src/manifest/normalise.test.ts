import { describe, expect, it } from '@jest/globals'
import { normalise } from './normalise.ts'

const base = (apiVersion: string, kind: string, rest: object = {}) => ({ apiVersion, kind, metadata: { name: 'a' }, ...rest })

describe('normalise', () => {
  it('writes stringData of a Secret into data, where it wins', () => {
    const secret = base('v1', 'Secret', { data: { a: 'eA==', b: 'eQ==' }, stringData: { a: 'new', c: 'é' } })
    expect(normalise(secret)).toEqual(base('v1', 'Secret', { data: { a: 'bmV3', b: 'eQ==', c: 'w6k=' } }))
  })

  it('drops status, except of a CustomResourceDefinition', () => {
    expect(normalise(base('example.com/v1', 'Thing', { status: { a: 1 }, spec: {} }))).toEqual(base('example.com/v1', 'Thing', { spec: {} }))
    const definition = base('apiextensions.k8s.io/v1', 'CustomResourceDefinition', { status: { a: 1 } })
    expect(normalise(definition)).toEqual(definition)
  })

  it('drops metadata that only a server may write', () => {
    const metadata = { name: 'a', creationTimestamp: null, uid: 'u', resourceVersion: '5', managedFields: [], labels: { x: 'y' } }
    expect(normalise({ apiVersion: 'v1', kind: 'ConfigMap', metadata: metadata as never })).toEqual(base('v1', 'ConfigMap', { metadata: { name: 'a', labels: { x: 'y' } } }))
  })

  it('fills in the protocol of Service ports', () => {
    const service = normalise(base('v1', 'Service', { spec: { ports: [{ port: 80 }, { port: 53, protocol: 'UDP' }] } }))
    expect(service.spec).toEqual({ ports: [{ port: 80, protocol: 'TCP' }, { port: 53, protocol: 'UDP' }] })
  })

  it.each([
    ['apps/v1', 'Deployment', (spec: object) => ({ template: { spec } })],
    ['apps/v1', 'DaemonSet', (spec: object) => ({ template: { spec } })],
    ['batch/v1', 'CronJob', (spec: object) => ({ jobTemplate: { spec: { template: { spec } } } })],
  ])('fills in the protocol of container ports of %s %s, not of init containers', (apiVersion, kind, wrap) => {
    const before = { containers: [{ name: 'c', ports: [{ containerPort: 1 }] }, { name: 'd' }], initContainers: [{ name: 'i', ports: [{ containerPort: 2 }] }] }
    const after = { ...before, containers: [{ name: 'c', ports: [{ containerPort: 1, protocol: 'TCP' }] }, { name: 'd' }] }
    expect(normalise(base(apiVersion, kind, { spec: wrap(before) })).spec).toEqual(wrap(after))
  })

  it('keeps the place of what the API server writes into a new Job or Pod, as Flux does', () => {
    const template = { spec: { containers: [] } }
    expect(normalise(base('batch/v1', 'Job', { spec: { template } })).spec).toEqual({ template: { metadata: {}, spec: { containers: [] } } })
    const named = { template: { metadata: { labels: { a: 'b' } }, spec: {} } }
    expect(normalise(base('batch/v1', 'Job', { spec: named })).spec).toEqual(named)
    expect(normalise(base('apps/v1', 'Deployment', { spec: { template } })).spec).toEqual({ template })
    const pod = { containers: [{ name: 'a', ports: [{ containerPort: 1 }] }, { name: 'b', resources: { limits: { cpu: '1' } } }], initContainers: [{ name: 'i' }] }
    expect(normalise(base('v1', 'Pod', { spec: pod })).spec).toEqual({
      containers: [{ name: 'a', ports: [{ containerPort: 1, protocol: 'TCP' }], resources: {} }, { name: 'b', resources: { limits: { cpu: '1' } } }],
      initContainers: [{ name: 'i', resources: {} }],
    })
  })

  it('leaves broken shapes for the API server to refuse', () => {
    const odd = base('apps/v1', 'Deployment', { spec: { template: 'no' } })
    expect(normalise(odd)).toEqual(odd)
  })

  it.each([
    ['Cg==', undefined],
    [Buffer.from('-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----').toString('base64'), 'kept'],
  ])('drops a caBundle that is no PEM (%s)', (caBundle, kept) => {
    const clientConfig = { service: { name: 's' }, caBundle }
    const definition = base('apiextensions.k8s.io/v1', 'CustomResourceDefinition', { spec: { conversion: { webhook: { clientConfig } } } })
    const result = normalise(definition) as unknown as { spec: { conversion: { webhook: { clientConfig: { caBundle?: string } } } } }
    expect(result.spec.conversion.webhook.clientConfig.caBundle).toBe(kept === undefined ? undefined : caBundle)
  })

  it('changes nothing that it was given', () => {
    const secret = Object.freeze(base('v1', 'Secret', { stringData: Object.freeze({ a: 'b' }) }))
    expect(() => normalise(secret)).not.toThrow()
  })
})
