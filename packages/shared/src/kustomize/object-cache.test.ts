import { describe, expect, it } from '@jest/globals'
import { createBuilder } from './build.ts'
import { createObjectCache, type KeptBuild } from './object-cache.ts'
import { quietTelemetry } from '@weir/shared/telemetry'
import type { Engine } from '@weir/shared/engine'
import { treeOf } from './test-tree.ts'

const buildOf = (text: string): KeptBuild => ({ digest: text, objects: [{ json: JSON.stringify({ text }) }] })

describe('built objects', () => {
  it('of an owner are those of its newest build and of the one before', () => {
    const cache = createObjectCache(1 << 20)
    const build = (key: string): void => {
      cache.use('o', key)
      if (cache.get(key) === undefined) cache.set(key, buildOf(key), 'o')
    }
    const kept = (): readonly string[] => ['k1', 'k2', 'k3', 'k4'].filter((key) => cache.get(key) !== undefined)
    build('k1')
    const sizeOfOne = cache.sizeBytes()
    for (const key of ['k2', 'k3']) build(key)
    expect(kept()).toEqual(['k2', 'k3'])
    for (const key of ['k2', 'k2', 'k3', 'k2']) build(key) // taken back, and so on
    expect(kept()).toEqual(['k2', 'k3'])
    build('k4')
    expect(kept()).toEqual(['k2', 'k4'])
    expect(cache.sizeBytes()).toBe(2 * sizeOfOne)
    cache.leave('o')
    cache.leave('o')
    expect([kept(), cache.sizeBytes()]).toEqual([[], 0])
  })

  it('that several owners build stay until the last one has left them', () => {
    const cache = createObjectCache(1 << 20)
    for (const owner of ['a', 'b', 'b', 'c']) cache.use(owner, 'shared')
    cache.set('shared', buildOf('x'), 'a')
    for (const key of ['own', 'next']) cache.use('a', key)
    cache.leave('b')
    cache.use('c', 'own')
    expect(cache.get('shared')).toEqual(buildOf('x'))
    cache.use('c', 'next')
    expect(cache.get('shared')).toBeUndefined()
  })

  it('that came too late, when their owner had long built something else, are not kept', () => {
    const cache = createObjectCache(1 << 20)
    for (const key of ['k1', 'k2', 'k3']) cache.use('o', key)
    cache.set('k1', buildOf('late'), 'o')
    expect(cache.get('k1')).toBeUndefined()
  })

  it('of nobody in particular stay while there is room', () => {
    const cache = createObjectCache(1_000)
    for (const key of ['k1', 'k2', 'k3']) cache.set(key, buildOf(key), undefined)
    expect([cache.get('k1'), cache.get('k3')]).toEqual([undefined, buildOf('k3')])
  })
})

describe('a builder', () => {
  const textOf = (value: string): string => JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: value } })
  const engine: Engine = { version: 'counting', builds: () => 0, pids: () => [], close: async () => undefined, build: async () => [{ json: textOf('a'), yaml: textOf('a') }] }
  const at = (value: string) => treeOf({ 'kustomization.yaml': 'resources: [a.yaml]\n', 'a.yaml': textOf(value) })

  it('builds again what its owner has left, and not what another one still builds', async () => {
    const builder = createBuilder({ engine, telemetry: quietTelemetry() })
    const builds = async (owner: string, value: string): Promise<number> => {
      await builder.build({ tree: at(value), spec: { path: '.' }, owner })
      return builder.counts().builds
    }
    expect(await builds('o', 'one')).toBe(1)
    expect(await builds('o', 'two')).toBe(2)
    expect(await builds('o', 'one')).toBe(2) // taken back
    expect(await builds('o', 'three')).toBe(3)
    expect(await builds('other', 'one')).toBe(3)
    expect(await builds('o', 'four')).toBe(4)
    expect(await builds('o', 'one')).toBe(4) // the other one has it
    expect(await builds('o', 'three')).toBe(5)
    builder.forget('o')
    builder.forget('other')
    expect(await builds('o', 'one')).toBe(6)
  })
})
