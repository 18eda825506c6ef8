import { describe, expect, it } from '@jest/globals'
import { decodeGitRepository, decodeKustomization } from './decode.ts'

const kustomization = {
  apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
  kind: 'Kustomization',
  metadata: { name: 'apps', namespace: 'team', labels: { a: 'b' } },
  spec: { interval: '5m', prune: true, sourceRef: { kind: 'GitRepository', name: 'fleet' } },
}
const gitRepository = {
  apiVersion: 'source.toolkit.fluxcd.io/v1',
  kind: 'GitRepository',
  metadata: { name: 'fleet', namespace: 'team' },
  spec: { interval: '1m', url: 'https://example.com/fleet' },
}

function withSpec(spec: Record<string, unknown>): unknown {
  return { ...kustomization, spec: { ...kustomization.spec, ...spec } }
}

describe('decodeKustomization', () => {
  it('gives the object back as it is, unknown fields and all', () => {
    const object = withSpec({ ofTheFuture: { deep: [1] }, timeout: '90s' })
    const decoded = decodeKustomization(object)
    expect(decoded).toEqual({ ok: true, value: object })
    expect(decoded.ok && decoded.value).toBe(object)
  })

  it.each([
    [{ interval: '5 minutes' }, 'spec.interval', '"5 minutes" is no duration such as 30s, 5m or 1h30m'],
    [{ interval: '' }, 'spec.interval', '"" is no duration such as 30s, 5m or 1h30m'],
    [{ interval: '-5m' }, 'spec.interval', '"-5m" is no duration such as 30s, 5m or 1h30m'],
    [{ timeout: '99999999999999h' }, 'spec.timeout', '"99999999999999h" is no duration such as 30s, 5m or 1h30m'],
    [{ interval: 300 }, 'spec.interval', undefined],
    [{ interval: undefined }, 'spec.interval', 'is required'],
    [{ prune: 'yes' }, 'spec.prune', undefined],
    [{ sourceRef: undefined }, 'spec.sourceRef', 'is required'],
    [{ sourceRef: { kind: 'HelmChart', name: 'x' } }, 'spec.sourceRef.kind', undefined],
    [{ dependsOn: [{ name: 'a' }, {}] }, 'spec.dependsOn[1].name', 'is required'],
    [{ postBuild: { substitute: { a: 1 } } }, 'spec.postBuild.substitute.a', undefined],
  ])('refuses %j at %s', (spec, field, message) => {
    const decoded = decodeKustomization(withSpec(spec))
    expect(decoded).toMatchObject({ ok: false, field, ...(message === undefined ? {} : { message }) })
  })

  it.each([[undefined], [null], ['text'], [{}], [[]], [gitRepository], [{ ...kustomization, spec: null }], [{ ...kustomization, metadata: { name: '' } }]])(
    'refuses %j',
    (object) => {
      expect(decodeKustomization(object)).toMatchObject({ ok: false })
    },
  )

  it('reads a status that today’s limits would refuse, but not one of another shape', () => {
    const condition = { type: 'Ready', status: 'True', reason: '', message: 'x'.repeat(40_000), lastTransitionTime: 'then' }
    expect(decodeKustomization({ ...kustomization, status: { conditions: [condition] } })).toMatchObject({ ok: true })
    const inventory = { entries: [{ id: 'team_a__ConfigMap' }] }
    expect(decodeKustomization({ ...kustomization, status: { inventory } })).toMatchObject({ ok: false, field: 'status.inventory.entries[0].v' })
  })

  it('quotes no more than the start of what was given', () => {
    const decoded = decodeKustomization(withSpec({ interval: 'x'.repeat(10_000) }))
    expect(decoded.ok ? '' : decoded.message.length).toBeLessThan(200)
  })
})

describe('decodeGitRepository', () => {
  it('accepts the least that one can write', () => {
    expect(decodeGitRepository(gitRepository)).toEqual({ ok: true, value: gitRepository })
  })

  it.each([
    [{ url: 'file:///etc' }, 'spec.url'],
    [{ url: '--upload-pack=x' }, 'spec.url'],
    [{ timeout: '1h' }, 'spec.timeout'],
    [{ provider: 'svn' }, 'spec.provider'],
    [{ verify: {} }, 'spec.verify.secretRef'],
  ])('refuses %j', (spec, field) => {
    expect(decodeGitRepository({ ...gitRepository, spec: { ...gitRepository.spec, ...spec } })).toMatchObject({ ok: false, field })
  })

  it('never quotes a URL, which may hold a password', () => {
    const decoded = decodeGitRepository({ ...gitRepository, spec: { ...gitRepository.spec, url: 'htps://user:canary@example.com' } })
    expect(JSON.stringify(decoded)).not.toContain('canary')
  })
})
