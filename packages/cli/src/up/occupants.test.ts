import { describe, expect, it } from '@jest/globals'
import { KubeError, type Kube, type KubeObject } from '@weir/shared/kube'
import { occupantsOf, refuseOccupied } from './occupants.ts'

const now = Date.parse('2026-01-01T00:01:00Z')
const object = (kind: string, name: string, spec: object): KubeObject => ({ apiVersion: 'x/v1', kind, metadata: { name, namespace: 'flux-system' }, spec })
const deployment = (name: string, spec: object = {}): KubeObject => object('Deployment', name, spec)
const lease = (name: string, spec: object): KubeObject => object('Lease', name, { leaseDurationSeconds: 35, ...spec })
const held = { holderIdentity: 'host_1', renewTime: '2026-01-01T00:00:40.000000Z' }

describe('occupantsOf', () => {
  it.each([
    ['nobody', [], [], []],
    ['a Deployment', [deployment('source-controller', { replicas: 1 })], [], ['Deployment flux-system/source-controller']],
    ['a Deployment that both selectors found', [deployment('source-controller'), deployment('source-controller')], [], ['Deployment flux-system/source-controller']],
    ['a Deployment scaled to zero', [deployment('source-controller', { replicas: 0 })], [], []],
    ['a lease that is held', [], [lease('kustomize-controller-leader-election', held)], ['Lease flux-system/kustomize-controller-leader-election, held by host_1']],
    ['a lease of a shard', [], [lease('source-controller-leader-election-0a1b2c3d', held)], ['Lease flux-system/source-controller-leader-election-0a1b2c3d, held by host_1']],
    ['a lease that nobody renews', [], [lease('source-controller-leader-election', { ...held, renewTime: '2026-01-01T00:00:20.000000Z' })], []],
    ['a lease that was given back', [], [lease('source-controller-leader-election', { ...held, holderIdentity: '' })], []],
    ['a lease without a time', [], [lease('source-controller-leader-election', { holderIdentity: 'x' })], []],
    ['a lease of something else', [], [lease('kube-scheduler', held), lease('my-source-controller-leader-election-x', held)], []],
  ])('%s', (_, deployments, leases, expected) => expect(occupantsOf({ deployments, leases }, now)).toEqual(expected))
})

describe('refuseOccupied', () => {
  it('refuses where it may not look: doubt is no permission', async () => {
    const list: Kube['list'] = async () => Promise.reject(new KubeError('forbidden', 'leases is forbidden'))
    await expect(refuseOccupied({ list }, { signal: new AbortController().signal, now })).rejects.toMatchObject({ exitCode: 4 })
  })
})
