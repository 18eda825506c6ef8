import { describe, expect, it } from '@jest/globals'
import { fileIn, placesIn } from './places.ts'

describe('placesIn', () => {
  it.each([
    ['Deployment/apps/web dry-run failed (Invalid): spec.x', ['Deployment/apps/web']],
    ['Namespace/shop apply failed: no', ['Namespace//shop']],
    ["timeout waiting for: [Deployment/a/b status: 'InProgress', Job/a/c.d status: 'Failed'], Deployment/a/b", ['Deployment/a/b', 'Job/a/c.d']],
    ['ClusterRole/system:web not found', ['ClusterRole//system:web']],
    ['apps/base/deployment.yaml: broken; see http://x/y', []],
    ['', []],
  ])('%j', (message, expected) => expect(placesIn(message).map(({ kind, namespace, name }) => `${kind}/${namespace}/${name}`)).toEqual(expected))
})

describe('fileIn', () => {
  it.each([
    ['apps/base/kustomization.yaml: malformed YAML: line 7: tab', { file: 'apps/base/kustomization.yaml', line: 7 }],
    ['apps/web/deployment.yaml:12: no name', { file: 'apps/web/deployment.yaml', line: 12 }],
    ['accumulating resources: "../cm.yml" is missing', { file: '../cm.yml', line: undefined }],
    ['overlays/dev/Kustomization: invalid Kustomization: unknown field "resorces"', { file: 'overlays/dev/Kustomization', line: undefined }],
    ['kustomize build failed', undefined],
    ['config from https://example.com/x.yaml?y', undefined],
  ])('%j', (message, expected) => expect(fileIn(message)).toEqual(expected))
})
