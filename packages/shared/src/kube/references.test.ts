import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { setTimeout as pause } from 'node:timers/promises'
import type { Cluster } from '@weir/shared/control-plane'
import { quietTelemetry } from '@weir/shared/telemetry'
import { testControlPlane } from '@weir/shared/testing'
import { loadConfig } from './connection/config.ts'
import { createKube, type Kube } from './kube.ts'
import type { WatchSpec } from './watch/reflection.ts'
import { watchReferences, type References } from './references.ts'

const configMaps = { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true }

let cluster: Cluster
let kube: Kube
beforeAll(async () => {
  cluster = await testControlPlane({ fleet: 'api' })
  kube = await createKube({ config: await loadConfig({ kubeconfig: cluster.kubeconfig() }), userAgent: 'references-test', telemetry: quietTelemetry() })
})
afterAll(async () => {
  await kube.close()
  await cluster.stop()
})

interface World extends AsyncDisposable {
  readonly references: References
  readonly woken: string[]
  readonly watches: WatchSpec<unknown>[]
  write(name: string, value: string): Promise<void>
  remove(name: string): Promise<void>
  untilWoken(owner: string): Promise<void>
}

/** One namespace for each test. */
async function world(namespace: string): Promise<World> {
  const ended = new AbortController()
  const woken: string[] = []
  const watches: WatchSpec<unknown>[] = []
  const counting: Pick<Kube, 'watch' | 'get'> = {
    get: (target, options) => kube.get(target, options),
    watch(spec, sink) {
      watches.push(spec as WatchSpec<unknown>)
      return kube.watch(spec, sink)
    },
  }
  const references = watchReferences({ kube: counting, signal: ended.signal, onChange: (owner) => void woken.push(owner) })
  await kube.apply({ resource: { group: '', version: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false }, namespace: '', name: namespace }, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }, { manager: 'test', force: true })
  return {
    references,
    woken,
    watches,
    async write(name, value) {
      const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data: { value } }
      await kube.apply({ resource: configMaps, namespace, name }, object, { manager: 'test', force: true })
    },
    async remove(name) {
      await kube.delete({ resource: configMaps, namespace, name })
    },
    async untilWoken(owner) {
      for (let tries = 0; tries < 500 && !woken.includes(owner); tries++) await pause(10)
      expect(woken).toContain(owner)
      woken.length = 0
    },
    async [Symbol.asyncDispose]() {
      references.close()
      ended.abort()
    },
  }
}

const reference = (namespace: string, name: string) => ({ kind: 'ConfigMap' as const, namespace, name })

describe('watchReferences', () => {
  it('wakes who refers to what changed, went, or came, and nobody else', async () => {
    await using at = await world('refs-a')
    await at.write('one', '1')
    at.references.set('ns/a', [reference('refs-a', 'one')])
    at.references.set('ns/b', [reference('refs-a', 'two')])
    await at.references.read(reference('refs-a', 'one'))
    await at.references.read(reference('refs-a', 'two'))
    await at.write('one', '2')
    await at.untilWoken('ns/a')
    await at.remove('one')
    await at.untilWoken('ns/a')
    await at.write('two', '1')
    await at.untilWoken('ns/b')
    expect(at.woken).toEqual([])
  })

  it('notices a change between a read and the first sight of the watch', async () => {
    await using at = await world('refs-b')
    await at.write('one', '1')
    at.references.set('ns/a', [reference('refs-b', 'one')])
    await at.references.read(reference('refs-b', 'one'))
    await at.write('one', '2') // perhaps before the first list was answered, perhaps after
    await at.untilWoken('ns/a')
  })

  it('says nothing about what nobody has read yet', async () => {
    await using at = await world('refs-c')
    await at.write('one', '1')
    at.references.set('ns/a', [reference('refs-c', 'one')])
    await pause(300)
    expect(at.woken).toEqual([])
  })

  it('opens one watch a name, and one for all from the ninth name on', async () => {
    await using at = await world('refs-d')
    const named = (count: number) => Array.from({ length: count }, (_, index) => reference('refs-d', `name-${index}`))
    at.references.set('ns/a', named(8))
    expect(at.watches.map(({ name }) => name)).toHaveLength(8)
    at.references.set('ns/b', [reference('refs-d', 'name-8')])
    expect(at.watches).toHaveLength(9)
    expect(at.watches.at(-1)?.name).toBeUndefined()
    await at.references.read(reference('refs-d', 'name-8'))
    await at.write('name-8', '1')
    await at.untilWoken('ns/b')
  })

  it('forgets owners that are gone', async () => {
    await using at = await world('refs-e')
    await at.write('one', '1')
    at.references.set('ns/a', [reference('refs-e', 'one')])
    await at.references.read(reference('refs-e', 'one'))
    at.references.remove('ns/a')
    await at.write('one', '2')
    await pause(300)
    expect(at.woken).toEqual([])
  })
})
