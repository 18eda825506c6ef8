import { describe, expect, it } from '@jest/globals'
import type { ObjectRef } from '@weir/shared/manifest'
import { toKustomization } from '../../testing-world.ts'
import { listedRefs, refsToWaitFor } from './health.ts'

const ref = (kind: string, namespace: string, name: string, group = ''): ObjectRef => ({ group, version: 'v1', kind, namespace, name })
const waitedFor = (spec: object, refs: readonly ObjectRef[]) => refsToWaitFor({ kustomization: toKustomization({ ...spec }) }, { desired: refs.map((each) => ({ ref: each })) as never }).map(({ kind, namespace, name }) => `${kind} ${namespace}/${name}`)

describe('refsToWaitFor', () => {
  const self = ref('Kustomization', 'apps', 'app', 'kustomize.toolkit.fluxcd.io')
  const other = ref('Kustomization', 'apps', 'other', 'kustomize.toolkit.fluxcd.io')
  it.each([
    ['nothing by default', {}, []],
    ['everything but itself with wait', { wait: true, healthChecks: [{ kind: 'Deployment', name: 'unread' }] }, ['ConfigMap apps/a', 'Kustomization apps/other']],
    ['what is listed, and never itself', { healthChecks: [{ apiVersion: 'kustomize.toolkit.fluxcd.io/v1', kind: 'Kustomization', name: 'app' }, { kind: 'Deployment', name: 'd' }] }, ['Deployment apps/d']],
    ['a cluster-scoped object of its own', { healthChecks: [{ apiVersion: 'v1', kind: 'Namespace', name: 'made' }] }, ['Namespace /made']],
  ])('%s', (_, spec, expected) => {
    expect(waitedFor(spec, [ref('ConfigMap', 'apps', 'a'), self, other].concat(expected[0]?.startsWith('Namespace') ? [ref('Namespace', '', 'made')] : []))).toEqual(expected)
  })
})

describe('listedRefs', () => {
  it('takes apps/v1 and the own namespace for what is not said', () => {
    expect(listedRefs([{ apiVersion: '', kind: 'Deployment', name: 'd', namespace: '' }] as never, 'apps')).toEqual([ref('Deployment', 'apps', 'd', 'apps')])
  })
})
