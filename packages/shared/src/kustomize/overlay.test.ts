import { describe, expect, it } from '@jest/globals'
import { KustomizeError } from './kustomize-error.ts'
import { overlaySpec } from './overlay.ts'
import type { BuildSpec } from './spec.ts'

const apiVersion = 'kustomize.config.k8s.io/v1beta1'
const kind = 'Kustomization'
const merge = (kustomization: Record<string, unknown>, spec: BuildSpec): Record<string, unknown> =>
  ({ ...overlaySpec({ kustomization: { resources: ['a'], ...kustomization }, generated: false, exists: (name) => name !== 'gone' }, spec) })

describe('overlaySpec', () => {
  it.each<readonly [string, Record<string, unknown>, BuildSpec, Record<string, unknown>]>([
    ['keeps what the spec does not name', { namespace: 'a', namePrefix: 'p-' }, {}, { namespace: 'a', namePrefix: 'p-' }],
    ['replaces namespace, prefix and suffix', { namespace: 'a', namePrefix: 'p-', nameSuffix: '-s' }, { targetNamespace: 'b', namePrefix: 'q-', nameSuffix: '-t' }, { namespace: 'b', namePrefix: 'q-', nameSuffix: '-t' }],
    ['takes an empty text as absent', { namespace: 'a' }, { targetNamespace: '', namePrefix: '' }, { namespace: 'a' }],
    ['appends patches without empty fields', { patches: [{ path: 'p.yaml' }] }, { patches: [{ patch: 'x', target: { kind: 'A', name: '', group: undefined } }, { patch: 'y' }] }, { patches: [{ path: 'p.yaml' }, { patch: 'x', target: { kind: 'A' } }, { patch: 'y' }] }],
    ['appends components', { components: ['a'] }, { components: ['b', '../c'] }, { components: ['a', 'b', '../c'] }],
    ['keeps missing components, for the build to complain', {}, { components: ['gone'] }, { components: ['gone'] }],
    ['drops missing components where asked to', {}, { components: ['gone', 'b'], ignoreMissingComponents: true }, { components: ['b'] }],
    ['appends an image that the file does not name', { images: [{ name: 'a', newTag: '1' }] }, { images: [{ name: 'b', newTag: '2' }] }, { images: [{ name: 'a', newTag: '1' }, { name: 'b', newTag: '2' }] }],
    ['replaces only the fields of an image that are set', { images: [{ name: 'a', newName: 'x', newTag: '1' }] }, { images: [{ name: 'a', newTag: '2' }] }, { images: [{ name: 'a', newName: 'x', newTag: '2' }] }],
    ['lets a tag clear the digest', { images: [{ name: 'a', digest: 'sha256:1' }] }, { images: [{ name: 'a', newTag: '2' }] }, { images: [{ name: 'a', newTag: '2' }] }],
    ['lets a digest clear the tag', { images: [{ name: 'a', newTag: '1' }] }, { images: [{ name: 'a', digest: 'sha256:2' }] }, { images: [{ name: 'a', digest: 'sha256:2' }] }],
    ['replaces build metadata', { buildMetadata: ['managedByLabel'] }, { buildMetadata: ['originAnnotations'] }, { buildMetadata: ['originAnnotations'] }],
  ])('%s', (...[, kustomization, spec, expected]) => {
    expect(merge(kustomization, spec)).toEqual({ apiVersion, kind, resources: ['a'], ...expected })
  })

  it('makes a file that lists nothing an empty build', () => {
    expect(merge({ resources: [], buildMetadata: ['managedByLabel'] }, {})).toMatchObject({ buildMetadata: ['originAnnotations'] })
    const generated = overlaySpec({ kustomization: { namespace: '_placeholder' }, generated: true, exists: () => true }, { targetNamespace: 'n' })
    expect(generated).toEqual({ apiVersion, kind, namespace: 'n' })
  })

  it.each([
    ['https://x/y', 'remote'], ['GIT@x:y/z', 'remote'], ['git::x', 'remote'], ['gh:o/r', 'remote'], ['github.com/o/r', 'remote'],
    ['/abs', 'escapes'], ['file:///abs', 'escapes'], ['file://rel', 'escapes'],
  ])('refuses the component %j', (component, code) => {
    const thrown = (): unknown => {
      try {
        return merge({}, { components: [component] })
      } catch (error) {
        return error
      }
    }
    expect(thrown()).toBeInstanceOf(KustomizeError)
    expect(thrown()).toMatchObject({ code })
  })
})
