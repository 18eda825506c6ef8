import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { kustomizationKind, type Condition, type Kustomization } from '@weir/shared/api'
import type { KubeObject } from '@weir/shared/kube'
import { readKustomization, readyOf, until } from '../fleet.ts'
import { clients, untilQuiet } from './quiet.ts'
import { countWrites, type Writes } from './snapshot.ts'
import { failing, place, trouble, troubledFiles, type Trouble } from './trouble-fleet.ts'
import { namespace, startWorld, type World } from './world.ts'

const configMapKind = { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true }

/** Flux installed it, some of it was in trouble, and while nobody ran more came. Then Weir starts. */
describe('a fleet in trouble is taken over', () => {
  let world: World
  let commit: string
  let before: ReadonlyMap<string, Kustomization>
  let writes: Writes

  beforeAll(async () => {
    world = await startWorld({ files: troubledFiles(), definitions: 'flux' })
    await world.hand('source-controller', 'flux')
    await world.hand('kustomize-controller', 'flux')
    await world.declare()
    for (const name of ['refused', 'parting', 'leaving', 'drifting', 'resting', 'misspelled'] as const) await untilReady(name)
    await world.kube.patch(target('resting'), { type: 'merge', body: { spec: { suspend: true } }, manager: 'flux' })
    commit = await world.commit(trouble())
    for (const name of ['unhealthy', 'unbuildable', 'refused', 'waiting'] as const) await untilNotReady(name)
    for (const name of ['drifting', 'misspelled', 'parting', 'leaving'] as const) await untilReady(name)
    await world.rest('kustomize-controller')

    await edit('drifting', { data: { declared: 'by hand' } })
    await world.kube.delete(map('gone'))
    await edit('still', { metadata: { annotations: { 'example.org/note': 'nobody declares this' } } }, 'somebody') // both systems take away what kubectl added
    await edit('resting', { data: { declared: 'by hand' } })
    await world.kube.delete(target('leaving'))
    before = await readAll()
    const tail = await world.platform.cluster.tailAudit()
    await world.hand('kustomize-controller', 'weir')
    await untilQuiet(world, 'weir', 8_000)
    await untilNotReady('unhealthy') // it waits for its timeout once more, without a call
    writes = countWrites(await tail.take(), clients.weir)
  }, 400_000)
  afterAll(async () => world?.[Symbol.asyncDispose]())

  const target = (name: Trouble) => ({ resource: kustomizationKind, namespace, name })
  const map = (name: string) => ({ resource: configMapKind, namespace: place, name })
  const edit = (name: string, body: object, manager = 'kubectl-edit'): Promise<KubeObject> => world.kube.patch(map(name), { type: 'merge', body, manager })
  const read = async (name: Trouble): Promise<Kustomization | undefined> => readKustomization(world.kube, { namespace, name })
  const conditionsOf = (each: Kustomization | undefined): readonly Partial<Condition>[] => (each?.status?.conditions ?? []).map(({ type, status, reason }) => ({ type, status, reason }))
  const dataOf = async (name: string): Promise<unknown> => (await world.kube.get(map(name)))?.['data']

  async function readAll(): Promise<ReadonlyMap<string, Kustomization>> {
    const { items } = await world.kube.list(kustomizationKind, { namespace })
    return new Map((items as readonly Kustomization[]).map((each) => [each.metadata.name, each]))
  }
  const untilReady = (name: Trouble): Promise<true> => untilStatus(name, 'True')
  const untilNotReady = (name: Trouble): Promise<true> => untilStatus(name, 'False')
  async function untilStatus(name: Trouble, status: string): Promise<true> {
    const last: { seen?: unknown } = {}
    return until(
      `${name} is Ready=${status}`,
      async () => {
        const found = await read(name)
        last.seen = found?.status
        const isAtCommit = commit === undefined || name === 'waiting' || found?.status?.lastAttemptedRevision?.endsWith(commit) === true
        return readyOf(found)?.status === status && isAtCommit ? true : undefined
      },
      { timeoutMs: 120_000, everyMs: 200, seen: () => last.seen },
    )
  }

  it('what drifted while nobody ran is put right, and what nobody declares is left alone', async () => {
    expect(await dataOf('drifting')).toEqual({ declared: 'value' })
    expect(await dataOf('gone')).toEqual({ declared: 'value' })
    expect((await world.kube.get(map('still')))?.metadata.annotations).toEqual({ 'example.org/note': 'nobody declares this' })
    expect(readyOf(await read('drifting'))?.status).toBe('True')
  })

  it('what is suspended is not looked at, drifted or not', async () => {
    expect(await dataOf('resting')).toEqual({ declared: 'by hand' })
    expect((await read('resting'))?.status).toEqual(before.get('resting')?.status)
    expect(writes.status['kustomizations/resting']).toBeUndefined()
  })

  it.each(failing)('what fails goes on to say why: %s', async (name) => {
    const now = await read(name)
    const was = before.get(name)
    expect(conditionsOf(now).find(({ type }) => type === 'Ready')).toEqual(conditionsOf(was).find(({ type }) => type === 'Ready'))
    expect(readyOf(now)?.message).toMatch(expectedMessages[name] ?? /./)
    expect(now?.status?.inventory).toEqual(was?.status?.inventory)
    expect(now?.status?.lastAppliedRevision).toEqual(was?.status?.lastAppliedRevision)
  })

  it('a misspelled field, which Flux drops without a word, is named; the object stays as it is', async () => {
    const ready = readyOf(await read('misspelled'))
    expect({ status: ready?.status, reason: ready?.reason }).toEqual({ status: 'False', reason: 'ReconciliationFailed' })
    expect(ready?.message).toMatch(/replikas/)
    expect(Object.keys(writes.objects).filter((name) => name.endsWith(`deployments.apps ${place}/misspelled`))).toEqual([])
    expect((await read('misspelled'))?.status?.inventory).toEqual(before.get('misspelled')?.status?.inventory)
  })

  it('a deletion that Flux did not see is finished, and what is declared comes back', async () => {
    const again = await until('leaving is another one', async () => {
      const found = await read('leaving')
      return found !== undefined && found.metadata.uid !== before.get('leaving')?.metadata.uid && readyOf(found)?.status === 'True' ? found : undefined
    })
    expect(again.metadata.deletionTimestamp).toBeUndefined()
    expect(await dataOf('leaving')).toEqual({ declared: 'value' })
  })

  it('nothing is deleted but what the deleted one owned', () => {
    expect(Object.keys(writes.objects).filter((name) => name.startsWith('delete'))).toEqual([`delete configmaps ${place}/leaving`])
  })

  it('what Flux pruned stays pruned', async () => {
    expect(await dataOf('parting-too')).toBeUndefined()
    expect(await dataOf('parting')).toEqual({ declared: 'value' })
  })
})

const expectedMessages: Partial<Record<Trouble, RegExp>> = {
  unhealthy: /health check failed after 30s: .*Deployment\/troubles\/unhealthy/,
  unbuildable: /nobody-committed-this\.yaml/,
  refused: /ConfigMap\/troubles\/sealed dry-run failed.*immutable/,
  waiting: /dependency 'flux-system\/unhealthy' is not ready/,
}
