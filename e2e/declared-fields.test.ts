import { describe, expect, it } from '@jest/globals'
import type { KubeObject } from '@weir/shared/kube'
import { compareDeclared } from './declared-fields.ts'

const fieldsV1 = {
  'f:metadata': { 'f:labels': { 'f:app': {}, 'f:kustomize.toolkit.fluxcd.io/name': {} } },
  'f:spec': { 'f:replicas': {}, 'f:containers': { 'k:{"name":"web"}': { '.': {}, 'f:name': {}, 'f:image': {} } } },
}

function deployment(manager: string, changed: Readonly<Record<string, unknown>> = {}, fields: unknown = fieldsV1): { readonly object: KubeObject; readonly manager: string } {
  const spec = { replicas: 2, containers: [{ name: 'side' }, { name: 'web', image: 'web:1' }], clusterIP: manager, ...changed }
  const labels = { app: 'web', 'kustomize.toolkit.fluxcd.io/name': manager }
  const metadata = { name: 'web', uid: manager, labels, managedFields: [{ manager, operation: 'Apply', fieldsV1: fields }] }
  return { manager, object: { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec, status: { replicas: manager } } as unknown as KubeObject }
}

describe('two objects compared in what either side declares', () => {
  it('finds none where only undeclared fields, status and owner labels differ', () => {
    expect(compareDeclared(deployment('weir'), deployment('kubectl'))).toEqual([])
  })

  it('finds a value that differs, in a list too', () => {
    expect(compareDeclared(deployment('weir', { replicas: 3 }), deployment('kubectl'))).toEqual(['f:spec f:replicas: 3 here, 2 there'])
    expect(compareDeclared(deployment('weir', { containers: [{ name: 'web', image: 'web:2' }] }), deployment('kubectl'))).toHaveLength(1)
  })

  it('finds what only one side declares', () => {
    const more = deployment('weir', { paused: true }, { ...fieldsV1, 'f:spec': { ...fieldsV1['f:spec'], 'f:paused': {} } })
    expect(compareDeclared(more, deployment('kubectl'))).toEqual(['f:spec f:paused: true here, undefined there'])
  })

  it('finds that ours was not applied by us', () => {
    expect(compareDeclared({ ...deployment('weir'), manager: 'nobody' }, deployment('kubectl'))).toEqual(['not applied by nobody'])
  })
})
