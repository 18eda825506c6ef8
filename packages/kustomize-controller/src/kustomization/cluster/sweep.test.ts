import { describe, expect, it } from '@jest/globals'
import { toKustomization } from '../../testing-world.ts'
import { refuseEmptyBuild } from './sweep.ts'

const owned = { status: { inventory: { entries: [{ id: 'n_a__ConfigMap', v: 'v1' }, { id: 'n_b__ConfigMap', v: 'v1' }] } } }
const may = { annotations: { 'weir.dev/allow-empty': 'true' } }

describe('refuseEmptyBuild', () => {
  it.each<readonly [string, object, object, number, boolean]>([
    ['a build of nothing over what is owned', { prune: true }, owned, 0, true],
    ['the same without prune', { prune: false }, owned, 0, false],
    ['a build of something', { prune: true }, owned, 1, false],
    ['a build of nothing over nothing', { prune: true }, {}, 0, false],
    ['a build of nothing that is allowed', { prune: true }, { ...owned, ...may }, 0, false],
    ['a build of nothing, allowed in other words', { prune: true }, { ...owned, annotations: { 'weir.dev/allow-empty': 'True' } }, 0, true],
  ])('%s', (_, spec, metadata, count, refused) => {
    const verdict = refuseEmptyBuild(toKustomization({ ...spec }, { ...metadata }), { desired: Array(count).fill({}) } as never)
    expect(verdict).toEqual(refused ? { kind: 'failing', reason: 'PruneFailed', transient: false, message: expect.stringContaining('2 applied objects are kept') } : undefined)
  })
})
