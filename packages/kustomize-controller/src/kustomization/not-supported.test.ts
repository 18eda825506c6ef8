import { describe, expect, it } from '@jest/globals'
import { toKustomization } from '../testing-world.ts'
import { refuseUnsupported } from './not-supported.ts'

describe('refuseUnsupported', () => {
  it.each([
    ['spec.decryption', { decryption: { provider: 'sops' } }],
    ['spec.kubeConfig', { kubeConfig: { configMapRef: { name: 'x' } } }],
    ['spec.serviceAccountName', { serviceAccountName: 'x' }],
    ['spec.healthCheckExprs', { healthCheckExprs: [{}] }],
    ['spec.ignore', { ignore: [{}] }],
    ['spec.dependsOn[].readyExpr', { dependsOn: [{ name: 'a' }, { name: 'b', readyExpr: 'true' }] }],
  ])('stalls on %s', (field, spec) => {
    expect(refuseUnsupported(toKustomization(spec))).toEqual({ kind: 'stalled', reason: 'NotSupported', message: expect.stringContaining(field) })
  })

  it.each([[{}], [{ serviceAccountName: '', healthCheckExprs: [], ignore: [], dependsOn: [{ name: 'a', readyExpr: '' }] }]])('lets %j pass', (spec) => {
    expect(refuseUnsupported(toKustomization(spec))).toBeUndefined()
  })
})
