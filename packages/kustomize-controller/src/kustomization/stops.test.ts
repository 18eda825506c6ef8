import { describe, expect, it } from '@jest/globals'
import { ApplyError } from '@weir/shared/apply'
import { ArtifactError } from '@weir/shared/artifact'
import { KubeError } from '@weir/shared/kube'
import { KustomizeError } from '@weir/shared/kustomize'
import { applyStop, artifactStop, buildStop } from './stops.ts'

const bug = new Error('a bug')

describe('verdicts', () => {
  it.each([
    ['an artifact that is gone waits for the source', () => artifactStop(new ArtifactError('not-found', 'x'), 30_000), { kind: 'waiting', reason: 'ArtifactFailed' }],
    ['another digest waits for the source', () => artifactStop(new ArtifactError('mismatch', 'x'), 30_000), { kind: 'waiting', retryAfterMs: 30_000 }],
    ['a server that does not answer backs off', () => artifactStop(new ArtifactError('unreachable', 'x'), 0), { kind: 'failing', transient: true }],
    ['a hostile archive is tried at the retry interval', () => artifactStop(new ArtifactError('unsafe', 'x'), 0), { kind: 'failing', transient: false }],
    ['a file that is missing fails the build', () => buildStop(new KustomizeError('missing', 'x')), { kind: 'failing', reason: 'BuildFailed', transient: false }],
    ['a path that is missing blames the artifact', () => buildStop(new KustomizeError('invalid-path', 'x')), { kind: 'failing', reason: 'ArtifactFailed' }],
    ['a remote base is refused until it goes', () => buildStop(new KustomizeError('remote', 'x')), { kind: 'stalled', reason: 'NotSupported' }],
    ['an engine that cannot run backs off', () => buildStop(new KustomizeError('unavailable', 'x')), { kind: 'failing', transient: true }],
    ['a refused object is tried at the retry interval', () => applyStop(new ApplyError('x', { code: 'refused' })), { kind: 'failing', reason: 'ReconciliationFailed', transient: false }],
  ])('%s', (_name, judge, stop) => {
    expect(judge()).toMatchObject(stop)
  })

  it('leaves trouble with the API server to the machine, which keeps it out of the conditions for a while', () => {
    const trouble = new KubeError('throttled', 'sent: s3cret', { status: 429, retryAfterMs: 7_000 })
    const judge = () => applyStop(new ApplyError('ConfigMap/a apply failed: s3cret', { code: 'unreachable', cause: trouble }), (text) => text.replaceAll('s3cret', '*****'))
    expect(judge).toThrow(KubeError)
    expect(judge).toThrow(expect.objectContaining({ code: 'throttled', status: 429, retryAfterMs: 7_000, message: 'ConfigMap/a apply failed: *****' }))
  })

  it.each([
    ['artifact', () => artifactStop(bug, 0)],
    ['build', () => buildStop(bug)],
    ['apply', () => applyStop(bug)],
    ['an abort', () => buildStop(new KustomizeError('aborted', 'x'))],
  ])('lets a bug in %s fly', (_name, judge) => {
    expect(judge).toThrow()
  })
})
