import { describe, expect, it } from '@jest/globals'
import { toKustomization } from '../../testing-world.ts'
import { findSource } from './find-source.ts'
import { decodeSource, type Source, type SourceName } from './sources.ts'

const artifact = { url: 'http://x', path: 'x', revision: 'main@sha1:1', digest: 'sha256:1', lastUpdateTime: '', metadata: { 'org.opencontainers.image.revision': 'origin' } }
const source = (over: Partial<Source> = {}): Source => ({ kind: 'GitRepository', namespace: 'apps', name: 'repo', resourceVersion: '1', artifact, ...over })
const find = (sourceRef: object, found: Source | undefined, allowsExternalArtifact = false) => {
  const asked: SourceName[] = []
  const sources = {
    synced: Promise.resolve(),
    get(name: SourceName) {
      asked.push(name)
      return found
    },
    trouble: (kind: string) => (kind === 'Bucket' ? 'may not list' : undefined),
    reach: async () => undefined,
    onChange: () => undefined,
  }
  const verdict = findSource(toKustomization({ sourceRef, retryInterval: '7s' }), sources, { allowsExternalArtifact, requeueDependencyMs: 30_000 })
  return { verdict, asked }
}
const git = { kind: 'GitRepository', name: 'repo' }

describe('findSource', () => {
  it('gives artifact, revision and origin, from the own namespace unless another is named', () => {
    expect(find(git, source())).toEqual({ verdict: { artifact, revision: 'main@sha1:1', originRevision: 'origin' }, asked: [{ ...git, namespace: 'apps' }] })
    expect(find({ ...git, namespace: 'infra' }, source()).asked).toEqual([{ ...git, namespace: 'infra' }])
  })

  it.each([
    ['a source that is not there waits for retryInterval', git, undefined, { kind: 'waiting', reason: 'ArtifactFailed', retryAfterMs: 7_000 }],
    ['a source of a kind that cannot be listed says so', { kind: 'Bucket', name: 'x' }, undefined, { kind: 'waiting', reason: 'ArtifactFailed', message: "Source 'Bucket/apps/x' cannot be read: may not list" }],
    ['a source without artifact waits for a dependency', git, source({ artifact: undefined }), { kind: 'waiting', reason: 'ArtifactFailed', message: 'Source artifact not found, retrying in 30s', retryAfterMs: 30_000 }],
    ['an external artifact needs its gate', { kind: 'ExternalArtifact', name: 'x' }, source(), { kind: 'stalled', reason: 'AccessDenied' }],
  ])('%s', (_, sourceRef, found, verdict) => {
    expect(find(sourceRef, found).verdict).toMatchObject(verdict)
  })

  it('takes an external artifact with its gate on', () => {
    expect(find({ kind: 'ExternalArtifact', name: 'x' }, source(), true).verdict).toMatchObject({ revision: 'main@sha1:1' })
  })
})

describe('decodeSource', () => {
  const decode = (status: unknown) => decodeSource('Bucket', { apiVersion: 'x/v1', kind: 'Bucket', metadata: { name: 'a', namespace: 'n', resourceVersion: '5' }, status })
  it.each([
    ['whole', { artifact }, artifact],
    ['without status', undefined, undefined],
    ['without digest', { artifact: { ...artifact, digest: undefined } }, undefined],
    ['of wrong types', { artifact: { ...artifact, url: 5 } }, undefined],
    ['that is a list', { artifact: [] }, undefined],
  ])('an artifact %s', (_, status, expected) => {
    expect(decode(status)).toEqual({ kind: 'Bucket', namespace: 'n', name: 'a', resourceVersion: '5', artifact: expected })
  })
})
