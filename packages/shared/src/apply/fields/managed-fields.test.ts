import { describe, expect, it } from '@jest/globals'
import type { ManagedFields } from '@weir/shared/api'
import { overriding, takeOverPatch } from './managed-fields.ts'

const ours = 'kustomize-controller'
const entry = (manager: string, operation: 'Apply' | 'Update', fieldsV1: Record<string, unknown> = {}): ManagedFields => ({ manager, operation, apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1 })
const live = (managedFields: readonly ManagedFields[], metadata: object = {}) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', resourceVersion: '7', managedFields, ...metadata } })

describe('overriding', () => {
  it.each([
    [entry('kubectl', 'Apply'), true],
    [entry('kubectl-client-side-apply', 'Update'), true],
    [entry('before-first-apply', 'Update'), true],
    [entry('before-first-apply', 'Apply'), false],
    [entry(ours, 'Update'), true],
    [entry(ours, 'Apply'), false],
    [entry('helm', 'Update'), false],
    [entry('old-tool', 'Apply'), true],
    [{ ...entry('kubectl', 'Update'), subresource: 'scale' }, false],
  ])('%j: %s', (at, taken) => {
    expect(overriding(ours, ['old-tool'])(at)).toBe(taken)
  })
})

describe('takeOverPatch', () => {
  const isOverridden = overriding(ours)

  it('is nothing where there is nothing to take', () => {
    expect(takeOverPatch(live([entry(ours, 'Apply'), entry('helm', 'Update')]), ours, isOverridden)).toBeUndefined()
  })

  it('merges their fields into our entry and keeps those of others', () => {
    const helm = entry('helm', 'Update', { 'f:x': {} })
    const patch = takeOverPatch(
      live([entry(ours, 'Apply', { 'f:data': { 'f:a': {} } }), helm, entry('kubectl-edit', 'Update', { 'f:data': { 'f:b': {} }, 'f:metadata': {} })]),
      ours,
      isOverridden,
    )
    expect(patch).toEqual([
      { op: 'replace', path: '/metadata/managedFields', value: [helm, entry(ours, 'Apply', { 'f:data': { 'f:a': {}, 'f:b': {} }, 'f:metadata': {} })] },
      { op: 'replace', path: '/metadata/resourceVersion', value: '7' },
    ])
  })

  it('makes the first of theirs ours where we have none', () => {
    const patch = takeOverPatch(live([entry('kubectl', 'Update', { 'f:a': {} })]), ours, isOverridden)
    expect(patch?.[0]).toEqual({ op: 'replace', path: '/metadata/managedFields', value: [entry(ours, 'Apply', { 'f:a': {} })] })
  })

  it('takes off what is retired, alone', () => {
    const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': '{}', mine: 'x' }
    expect(takeOverPatch(live([], { annotations, labels: { 'fluxcd.io/sync-gc-mark': 'y' } }), ours, isOverridden)?.map(({ op, path }) => [op, path])).toEqual([
      ['remove', '/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration'],
      ['remove', '/metadata/labels/fluxcd.io~1sync-gc-mark'],
      ['replace', '/metadata/resourceVersion'],
    ])
  })
})
