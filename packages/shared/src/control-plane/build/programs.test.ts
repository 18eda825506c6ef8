import { describe, expect, it } from '@jest/globals'
import { pinnedVersion, programs, wantedGo } from './programs.ts'

const goMod = `module example

go 1.26.0

require github.com/one/line v1.2.3
require (
	k8s.io/kubernetes v1.36.3 // indirect
	k8s.io/kubernetes-other v0.1.0
)
replace k8s.io/kubernetes => k8s.io/kubernetes v9.9.9
`

describe('what go.mod pins', () => {
  it.each([
    ['k8s.io/kubernetes', 'v1.36.3'],
    ['github.com/one/line', 'v1.2.3'],
  ])('the version of %s', (module, version) => {
    expect(pinnedVersion(goMod, module)).toBe(version)
  })

  it('is an error when it is not there', () => {
    expect(() => pinnedVersion(goMod, 'k8s.io/kube')).toThrow('k8s.io/kube')
  })

  it('names the oldest Go', () => {
    expect(wantedGo(goMod)).toBe('1.26.0')
  })
})

describe('the API server', () => {
  it('is told its version, which clients parse', () => {
    const flags = programs['kube-apiserver'].ldflags('v1.36.3').split(' -X ')
    expect(flags).toContain('k8s.io/component-base/version.gitVersion=v1.36.3')
    expect(flags).toContain('k8s.io/component-base/version.gitMinor=36')
    expect(flags).toContain('k8s.io/client-go/pkg/version.gitMajor=1')
  })
})
