import { describe, expect, it } from '@jest/globals'
import type { KubeObject } from '@weir/shared/kube'
import { shortRevision } from './columns.ts'
import { rowOf } from './row.ts'

const now = Date.parse('2026-01-02T00:00:00Z')
const object = (fields: object, metadata: object = {}): KubeObject => ({
  apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
  kind: 'Kustomization',
  metadata: { name: 'apps', namespace: 'flux-system', creationTimestamp: '2026-01-01T00:00:00Z', ...metadata },
  ...fields,
})
const ready = (status: string, message: string): object => ({ type: 'Ready', status, reason: 'Why', message })

describe('rowOf', () => {
  it('reads a Kustomization', () => {
    const row = rowOf(
      object({
        spec: { path: './apps', sourceRef: { kind: 'GitRepository', name: 'fleet', namespace: 'sources' } },
        status: { lastAppliedRevision: 'main@sha1:abc', conditions: [{ type: 'Healthy', status: 'False' }, ready('True', 'Applied\nrevision')] },
      }),
      now,
    )
    expect(row).toEqual({
      namespace: 'flux-system',
      object: 'Kustomization/apps',
      ready: 'True',
      revision: 'main@sha1:abc',
      age: '1d',
      suspended: false,
      message: 'Applied; revision',
      source: 'GitRepository/sources/fleet ./apps',
      reason: 'Why',
    })
  })

  it('reads a source: its artifact, and its URL without the password', () => {
    const row = rowOf(object({ spec: { url: 'https://me:hunter22@git.example/fleet', suspend: true }, status: { artifact: { revision: 'v1@sha1:def' } } }), now)
    expect(row).toMatchObject({ revision: 'v1@sha1:def', suspended: true, ready: 'Unknown', message: 'no controller has reconciled this object yet' })
    expect(row.source).not.toContain('hunter22')
  })

  it.each([
    ['nothing at all', {}],
    ['a status that is no map', { status: 'x' }],
    ['conditions that are no list', { status: { conditions: { Ready: true } } }],
    ['a condition without its parts', { status: { conditions: [null, { type: 'Ready' }] } }],
  ])('shows an object with %s', (_, fields) => expect(rowOf(object(fields), now)).toMatchObject({ ready: 'Unknown', revision: '-' }))

  it('says that an object is being deleted', () => {
    const deleting = object({ status: { conditions: [ready('True', 'fine')] } }, { deletionTimestamp: '2026-01-01T12:00:00Z' })
    expect(rowOf(deleting, now).message).toBe('being deleted: fine')
  })
})

describe('shortRevision', () => {
  it.each([
    ['main@sha1:0123456789abcdef0123456789abcdef01234567', 'main@sha1:01234567'],
    ['sha256:0123456789abcdef', 'sha256:01234567'],
    ['v1.2.3', 'v1.2.3'],
    ['-', '-'],
  ])('%s', (revision, short) => expect(shortRevision(revision)).toBe(short))
})
