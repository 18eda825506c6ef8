import { describe, expect, it } from '@jest/globals'
import type { KubeObject } from './objects.ts'
import { watchReferences } from './references.ts'
import type { WatchHandle } from './watch/watch.ts'

type Sink = { replace(objects: readonly unknown[], version: string): void; upsert(object: unknown, version: string): void; remove(object: unknown, version: string): void }

/** An API server whose answers arrive when the test says so: orders of events that a real one cannot be told to make. */
function setUp() {
  const open = new Map<string, Sink>()
  const woken: string[] = []
  const reads: PromiseWithResolvers<KubeObject | undefined>[] = []
  const kube = {
    watch(options: { namespace?: string; name?: string }, sink: Sink): WatchHandle {
      const at = `${options.namespace}/${options.name ?? '*'}`
      open.set(at, sink)
      return { synced: Promise.resolve(), fresh: () => true, close: () => void open.delete(at) } as unknown as WatchHandle
    },
    get() {
      const read = Promise.withResolvers<KubeObject | undefined>()
      reads.push(read)
      return read.promise
    },
  }
  const references = watchReferences({ kube: kube as never, signal: new AbortController().signal, onChange: (owner) => void woken.push(owner) })
  return { references, open, woken, reads, see: (at: string, version: string) => open.get(at)?.upsert({ name: 'vars', resourceVersion: version }, version) }
}
const vars = { kind: 'ConfigMap', namespace: 'apps', name: 'vars' } as const
const configMap = (resourceVersion: string, data = {}): KubeObject => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'vars', namespace: 'apps', resourceVersion }, data })

describe('watchReferences, whatever the order of events', () => {
  it('wakes for what differs from what was read, and for nothing else', async () => {
    const { references, reads, woken, see } = setUp()
    references.set('app', [vars])
    const values = references.read(vars)
    reads[0]?.resolve(configMap('5', { a: 'b' }))
    expect(await values).toMatchObject({ data: { a: 'b' } })
    see('apps/vars', '5')
    expect(woken).toEqual([])
    see('apps/vars', '6')
    see('apps/vars', '6')
    expect(woken).toEqual(['app'])
  })

  it('wakes for a change that the watch brought before the answer of an older read', async () => {
    const { references, reads, woken, see } = setUp()
    references.set('app', [vars])
    const values = references.read(vars)
    see('apps/vars', '6')
    reads[0]?.resolve(configMap('5'))
    await values
    expect(woken).toEqual(['app'])
  })

  it('tells missing from there, both ways', async () => {
    const { references, open, reads, woken } = setUp()
    references.set('app', [vars])
    const values = references.read(vars)
    reads[0]?.resolve(undefined)
    expect(await values).toBeUndefined()
    open.get('apps/vars')?.replace([], '3')
    expect(woken).toEqual([])
    open.get('apps/vars')?.upsert({ name: 'vars', resourceVersion: '4' }, '4')
    open.get('apps/vars')?.remove({ name: 'vars', resourceVersion: '5' }, '5')
    expect(woken).toEqual(['app', 'app'])
  })

  it('opens one watch for each name, one for all from the ninth on, and closes what nobody needs', () => {
    const { references, open } = setUp()
    const names = [...Array(9).keys()].map((index) => `v${index}`)
    for (const name of names.slice(0, 8)) references.set(name, [{ ...vars, name }])
    expect([...open.keys()]).toEqual(names.slice(0, 8).map((name) => `apps/${name}`))
    references.set('v8', [{ ...vars, name: 'v8' }])
    expect([...open.keys()]).toEqual(['apps/*'])
    references.remove('v8')
    expect(open.size).toBe(8)
    for (const name of names) references.remove(name)
    expect(open.size).toBe(0)
  })

  it('wakes all who refer to one name, through one watch', async () => {
    const { references, open, woken, see, reads } = setUp()
    references.set('a', [vars])
    references.set('b', [vars])
    const read = references.read(vars)
    reads[0]?.resolve(configMap('1'))
    await read
    see('apps/vars', '2')
    expect([open.size, woken]).toEqual([1, ['a', 'b']])
  })
})
