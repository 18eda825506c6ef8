import { describe, expect, it } from '@jest/globals'
import { isReadyAt, isRolled, storedRevision } from './judge.ts'

const revision = 'main@sha1:abc'
const kustomization = (status: object) => ({ apiVersion: 'v1', kind: 'Kustomization', metadata: { name: 'a', generation: 2 }, status })
const ready = { lastAppliedRevision: revision, observedGeneration: 2, conditions: [{ type: 'Ready', status: 'True' }] }

describe('a Kustomization is done', () => {
  it.each([
    ['when all say so', ready, true],
    ['not at another revision', { ...ready, lastAppliedRevision: 'main@sha1:abd' }, false],
    ['not at an older generation', { ...ready, observedGeneration: 1 }, false],
    ['not while it is working', { ...ready, conditions: [{ type: 'Ready', status: 'Unknown' }] }, false],
    ['not because it is healthy', { ...ready, conditions: [{ type: 'Healthy', status: 'True' }] }, false],
    ['not without conditions', { lastAppliedRevision: revision, observedGeneration: 2 }, false],
    ['not with the status of the definition', { observedGeneration: -1 }, false],
  ])('%s', (_, status, expected) => {
    expect(isReadyAt(kustomization(status), revision)).toBe(expected)
  })
})

describe('a Deployment has rolled', () => {
  const all = { observedGeneration: 3, replicas: 1, updatedReplicas: 1, availableReplicas: 1, readyReplicas: 1 }
  it.each([
    ['when every pod is the new one', all, 3, true],
    ['also at a later generation than asked for', all, 2, true],
    ['not while nobody looked', { ...all, observedGeneration: 2 }, 3, false],
    ['not before the change was written', all, 4, false],
    ['not while the old pod is there', { ...all, replicas: 2 }, 3, false],
    ['not while the new pod is missing', { ...all, updatedReplicas: undefined }, 3, false],
    ['not while the new pod is not available', { ...all, availableReplicas: 0 }, 3, false],
  ])('%s', (_, status, generation, expected) => {
    expect(isRolled({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'a', generation: 3 }, spec: { replicas: 1 }, status }, generation)).toBe(expected)
  })
})

it('knows the revision of a commit in the status of a source', () => {
  const source = (artifact?: object) => ({ apiVersion: 'v1', kind: 'GitRepository', metadata: { name: 'a' }, status: { artifact } })
  expect(storedRevision(source({ revision }), 'abc')).toBe(revision)
  expect(storedRevision(source({ revision }), 'bc')).toBeUndefined()
  expect(storedRevision(source(), 'abc')).toBeUndefined()
})
