import { describe, expect, it } from '@jest/globals'
import type { InventoryEntry } from '@weir/shared/api'
import { toKustomization } from '../testing-world.ts'
import { createMemory } from './memory.ts'
import { keyOfKustomization } from './ports.ts'
import { kustomizationTable } from './table.ts'

const entries = (...names: readonly string[]): InventoryEntry[] => names.map((name) => ({ id: `apps_${name}__ConfigMap`, v: 'v1' }))

describe('the inventory that is written', () => {
  it.each<readonly [string, { readonly noted: readonly string[]; readonly stored: readonly string[]; readonly dropped: readonly string[] }, readonly string[]]>([
    ['is what was noted', { noted: ['a', 'b'], stored: [], dropped: [] }, ['a', 'b']],
    ['leaves out what the run dropped', { noted: ['a'], stored: ['a', 'b'], dropped: ['b'] }, ['a']],
    ['keeps what the run has not seen', { noted: ['a', 'c'], stored: ['a', 'b', 'd'], dropped: ['d'] }, ['a', 'b', 'c']],
    ['holds what was dropped and is declared again', { noted: ['a', 'b'], stored: ['a'], dropped: ['b'] }, ['a', 'b']],
  ])('%s', (_, { noted, stored, dropped }, written) => {
    const memory = createMemory()
    const table = kustomizationTable(memory, { tellsUnchangedSuccess: true })
    const kustomization = toKustomization({}, { status: { inventory: { entries: entries(...stored) } } })
    memory.of(keyOfKustomization(kustomization)).dropped = entries(...dropped)
    expect(table.amend?.({ inventory: { entries: entries(...noted) }, lastAppliedRevision: 'r' }, kustomization)).toEqual({ inventory: { entries: entries(...written) }, lastAppliedRevision: 'r' })
  })

  it('is left as it is by a run that noted none', () => {
    const table = kustomizationTable(createMemory(), { tellsUnchangedSuccess: true })
    expect(table.amend?.({ lastAttemptedRevision: 'r' }, toKustomization({}, { status: { inventory: { entries: entries('a') } } }))).toEqual({ lastAttemptedRevision: 'r' })
  })
})
