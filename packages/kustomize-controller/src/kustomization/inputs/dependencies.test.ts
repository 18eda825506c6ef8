import { describe, expect, it } from '@jest/globals'
import type { Kustomization } from '@weir/shared/api'
import type { Key, Stored } from '@weir/shared/runtime'
import { toKustomization } from '../../testing-world.ts'
import { checkDependencies, dependenciesOf } from './dependencies.ts'

const own = toKustomization({ dependsOn: [{ name: 'db' }, { name: 'net', namespace: 'infra' }] })
const condition = (type: string, status: string) => ({ type, status, reason: 'x', message: '', lastTransitionTime: '' })
const status = (over: object = {}) => ({ observedGeneration: 1, lastAppliedRevision: 'r1', conditions: [condition('Ready', 'True')], ...over })
const stored = (value: Kustomization): Stored<Kustomization> => ({ ok: true, value, object: value as never })
const good = stored(toKustomization({}, { status: status() }))
const elsewhere = (over: object) => stored(toKustomization({ sourceRef: { kind: 'GitRepository', name: 'other' } }, { status: status(over) }))
const undecodable: Stored<Kustomization> = { ok: false, field: 'spec.interval', message: 'no duration', object: toKustomization({}, { status: status() }) as never }

const check = (found: Readonly<Record<string, Stored<Kustomization> | undefined>>, cycle?: readonly Key[]) =>
  checkDependencies(own, { find: async ({ name }) => found[name], cycle: () => cycle, revisionOf: () => 'r1' }, 30_000)

describe('checkDependencies', () => {
  it.each<readonly [string, Stored<Kustomization> | undefined, string | undefined]>([
    ['is ready', good, undefined],
    ['is missing', undefined, "dependency 'apps/db' not found"],
    ['cannot be read', undecodable, "dependency 'apps/db' is not ready"],
    ['has no status', stored(toKustomization()), "dependency 'apps/db' is not ready"],
    ['is ready for an older spec', stored(toKustomization({}, { generation: 2, status: status() })), "dependency 'apps/db' is not ready"],
    ['is not ready', stored(toKustomization({}, { status: status({ conditions: [condition('Ready', 'False')] }) })), "dependency 'apps/db' is not ready"],
    ['is ready and stalled', stored(toKustomization({}, { status: status({ conditions: [condition('Ready', 'True'), condition('Stalled', 'True')] }) })), "dependency 'apps/db' is not ready"],
    ['is behind the source that both read', stored(toKustomization({}, { status: status({ lastAppliedRevision: 'r0' }) })), "dependency 'apps/db' revision is not up to date"],
    ['is at a revision of another source', elsewhere({ lastAppliedRevision: 'r0' }), undefined],
  ])('where a dependency %s', async (_, db, message) => {
    const verdict = await check({ db, net: good })
    expect(verdict).toEqual(message === undefined ? undefined : { kind: 'waiting', reason: 'DependencyNotReady', message, retryAfterMs: 30_000 })
  })

  it('names the first one that is not ready', async () => {
    expect((await check({ db: good, net: undefined }))?.message).toBe("dependency 'infra/net' not found")
  })

  it('stalls in a circle before it asks for anything', async () => {
    const at = (name: string): Key => ({ namespace: 'apps', name })
    const verdict = await check({}, [at('app'), at('db'), at('app')])
    expect(verdict).toMatchObject({ kind: 'stalled', reason: 'DependencyCycle', message: expect.stringContaining('apps/app → apps/db → apps/app') })
  })

  it('has nothing to say about an object without dependencies, in whatever circle', async () => {
    expect(await checkDependencies(toKustomization(), { find: async () => undefined, cycle: () => [], revisionOf: () => undefined }, 1)).toBeUndefined()
  })
})

describe('dependenciesOf', () => {
  it('takes the own namespace where none is named, or an empty one', () => {
    const found = dependenciesOf(toKustomization({ dependsOn: [{ name: 'a' }, { name: 'b', namespace: '' }, { name: 'c', namespace: 'z' }] }))
    expect(found).toEqual([{ name: 'a', namespace: 'apps' }, { name: 'b', namespace: 'apps' }, { name: 'c', namespace: 'z' }])
  })
})
