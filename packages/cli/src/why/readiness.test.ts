import { describe, expect, it } from '@jest/globals'
import type { KubeObject } from '@weir/shared/kube'
import { readinessOf } from './readiness.ts'

const condition = (type: string, status: string, reason = 'Why'): object => ({ type, status, reason, message: `${type} is ${status}`, lastTransitionTime: '2026-01-01T00:00:00Z' })
const object = (fields: { readonly conditions?: readonly object[]; readonly status?: object; readonly spec?: object }): KubeObject => ({
  apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
  kind: 'Kustomization',
  metadata: { name: 'apps', namespace: 'x', generation: 2 },
  spec: fields.spec ?? {},
  status: { observedGeneration: 2, conditions: fields.conditions ?? [], ...fields.status },
})

describe('readinessOf', () => {
  it.each([
    ['no condition', object({}), 'waiting', 'NotReconciled'],
    ['Ready', object({ conditions: [condition('Ready', 'True')] }), 'ready', 'Why'],
    ['not Ready', object({ conditions: [condition('Ready', 'False', 'BuildFailed')] }), 'failed', 'BuildFailed'],
    ['a dependency', object({ conditions: [condition('Ready', 'False', 'DependencyNotReady')] }), 'waiting', 'DependencyNotReady'],
    ['a run on its way', object({ conditions: [condition('Ready', 'Unknown', 'Progressing')] }), 'waiting', 'Progressing'],
    ['Ready and a newer run', object({ conditions: [condition('Ready', 'True'), condition('Reconciling', 'True', 'Progressing')] }), 'waiting', 'Progressing'],
    ['a first run on its way', object({ conditions: [condition('Ready', 'Unknown', 'Progressing'), condition('Reconciling', 'True', 'Progressing')], status: { observedGeneration: -1 } }), 'waiting', 'Progressing'],
    ['Ready of an older spec', object({ conditions: [condition('Ready', 'True')], status: { observedGeneration: 1 } }), 'waiting', 'NotReconciled'],
    ['not Ready of an older spec', object({ conditions: [condition('Ready', 'False', 'BuildFailed')], status: { observedGeneration: 1 } }), 'failed', 'BuildFailed'],
    ['Stalled', object({ conditions: [condition('Ready', 'False'), condition('Stalled', 'True', 'NotSupported')] }), 'failed', 'NotSupported'],
    ['suspended', object({ spec: { suspend: true }, conditions: [condition('Ready', 'True')] }), 'suspended', 'Why'],
    ['suspended before it ever ran', object({ spec: { suspend: true } }), 'suspended', 'NotReconciled'],
  ])('%s', (_, given, state, reason) => expect(readinessOf(given)).toMatchObject({ state, reason }))

  it('says at which revision, since when, and what was tried since', () => {
    const given = object({ conditions: [condition('Ready', 'False', 'BuildFailed')], status: { lastAppliedRevision: 'main@sha1:a', lastAttemptedRevision: 'main@sha1:b' } })
    expect(readinessOf(given)).toMatchObject({ revision: 'main@sha1:a', since: '2026-01-01T00:00:00Z', facts: ['tried revision main@sha1:b; applied is main@sha1:a'] })
  })
})
