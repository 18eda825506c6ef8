import { expect, it } from '@jest/globals'
import { blame } from './blame.ts'

const declared = { 'f:data': { 'f:a': {}, 'f:b': {} } }
const writer = (manager: string, fields: Record<string, unknown>, isOverridden = false) => ({ manager, at: '2026-01-01T00:00:00Z', fields, isOverridden })

it('names the writer that owns what we lost, not the one that came last', () => {
  const found = { ours: { 'f:data': { 'f:b': {} } }, others: [writer('controller', { 'f:metadata': { 'f:annotations': {} } }), writer('rival', { 'f:data': { 'f:a': {} } })] }
  expect(blame(found, declared)).toEqual({ by: { manager: 'rival', at: '2026-01-01T00:00:00Z' }, paths: ['.data.a'] })
})

it('names what an overridden writer added where nothing of ours was lost', () => {
  const found = { ours: declared, others: [writer('controller', {}), writer('kubectl-edit', { 'f:data': { 'f:c': {} } }, true)] }
  expect(blame(found, declared)).toMatchObject({ by: { manager: 'kubectl-edit' }, paths: ['.data.c'] })
})

it('knows nobody where the object was gone', () => {
  expect(blame(undefined, declared)).toEqual({ by: undefined, paths: [] })
})
