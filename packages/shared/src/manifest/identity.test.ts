import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { identify, inventoryId, parseApiVersion, parseInventoryId, showObject } from './identity.ts'

const rbac = 'rbac.authorization.k8s.io'

describe('inventoryId', () => {
  it.each([
    [{ namespace: 'apps', name: 'web', group: 'apps', kind: 'Deployment' }, 'apps_web_apps_Deployment'],
    [{ namespace: '', name: 'team-a', group: '', kind: 'Namespace' }, '_team-a__Namespace'],
    [{ namespace: '', name: 'system:auth', group: rbac, kind: 'ClusterRole' }, `_system__auth_${rbac}_ClusterRole`],
    [{ namespace: 'x', name: 'a:b', group: rbac, kind: 'RoleBinding' }, `x_a__b_${rbac}_RoleBinding`],
    [{ namespace: 'x', name: 'a:b', group: 'other.io', kind: 'Role' }, 'x_a:b_other.io_Role'],
  ])('writes %j as %s', (id, text) => {
    expect(inventoryId(id)).toBe(text)
    expect(parseInventoryId(text)).toEqual(id)
  })

  it('reads back every id it writes', () => {
    const part = fc.stringMatching(/^[a-z0-9]([-a-z0-9.]{0,8}[a-z0-9])?$/)
    fc.assert(
      fc.property(fc.option(part, { nil: '' }), part, fc.option(part, { nil: '' }), (namespace, name, group) => {
        const id = { namespace, name, group, kind: 'Thing' }
        expect(parseInventoryId(inventoryId(id))).toEqual(id)
      }),
    )
  })

  it('reads a double underscore as a colon for every kind', () => {
    expect(parseInventoryId('ns_a__b_apps_Deployment')).toEqual({ namespace: 'ns', name: 'a:b', group: 'apps', kind: 'Deployment' })
  })

  it.each(['', 'web', 'apps_web', 'apps_web_Deployment', 'ns__apps_', '___'])('refuses %j', (text) => {
    expect(parseInventoryId(text)).toBeUndefined()
  })
})

describe('showObject', () => {
  it('leaves the namespace out where there is none', () => {
    expect(showObject({ kind: 'Namespace', namespace: '', name: 'a' })).toBe('Namespace/a')
    expect(showObject({ kind: 'Pod', namespace: 'n', name: 'a' })).toBe('Pod/n/a')
  })
})

it('takes apiVersion apart', () => {
  expect(parseApiVersion('v1')).toEqual({ group: '', version: 'v1' })
  expect(identify({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'a', namespace: 'b' } })).toEqual({
    group: 'apps',
    version: 'v1',
    kind: 'Deployment',
    namespace: 'b',
    name: 'a',
  })
})
