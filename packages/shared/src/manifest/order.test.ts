import { expect, it } from '@jest/globals'
import { applyRank, compareForApply } from './order.ts'

const id = (kind: string, name = 'a', namespace = '') => ({ group: '', kind, name, namespace })

it('writes what others need first, webhooks last', () => {
  const kinds = ['ValidatingWebhookConfiguration', 'Ingress', 'Deployment', 'Secret', 'RoleBinding', 'Role', 'StorageClass', 'Namespace']
  expect(kinds.map((kind) => id(kind)).toSorted(compareForApply).map(({ kind }) => kind)).toEqual(kinds.toReversed())
})

it('knows which objects may be written at once', () => {
  expect(applyRank(id('ConfigMap'))).toBe(applyRank(id('Service')))
  expect(applyRank(id('Job'))).toBe(applyRank(id('Widget')))
  expect(applyRank(id('RoleBinding'))).toBeGreaterThan(applyRank(id('Role')))
})

it('orders one kind by namespace and name', () => {
  expect([id('Pod', 'b', 'x'), id('Pod', 'a', 'y'), id('Pod', 'a', 'x')].toSorted(compareForApply)).toEqual([id('Pod', 'a', 'x'), id('Pod', 'b', 'x'), id('Pod', 'a', 'y')])
})
