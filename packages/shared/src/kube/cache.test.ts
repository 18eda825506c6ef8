import { describe, expect, it } from '@jest/globals'
import { createCache, type CacheEvent } from './cache.ts'
import { KubeError } from './kube-error.ts'
import type { Kube } from './kube.ts'
import type { KubeObject } from './objects.ts'
import { configMaps } from './toys/scripted-server.ts'
import type { WatchSink, WatchSpec } from './watch/reflection.ts'

/** A cache whose watch is told by hand: races cannot be ordered otherwise. */
function start(options: { readonly labelSelector?: string; readonly namespace?: string } = {}) {
  const watched: { spec?: WatchSpec<unknown>; sink?: WatchSink<unknown> } = {}
  const kube = {
    watch(spec: WatchSpec<unknown>, sink: WatchSink<unknown>) {
      Object.assign(watched, { spec, sink })
      return { synced: Promise.resolve(), fresh: () => true, close: () => undefined }
    },
  } as unknown as Pick<Kube, 'watch'>
  const cache = createCache({ kube, kind: configMaps, decode: ({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`, signal: new AbortController().signal, ...options })
  const { spec, sink } = watched
  if (!spec?.project || !sink) throw new Error('the cache did not watch')
  const { project } = spec
  const events: string[] = []
  cache.onChange(({ type, before, after }: CacheEvent<string>) => void events.push(`${type} ${before ?? ''}>${after ?? ''}`))
  const fresh = (version: number): void => sink.fresh?.(String(version))
  return {
    cache,
    events,
    fresh,
    failed: (error: KubeError) => sink.failed?.(error),
    replace(version: number, ...objects: readonly KubeObject[]) {
      sink.replace(objects.map(project), String(version))
      fresh(version)
    },
    upsert(object: KubeObject) {
      sink.upsert(project(object), object.metadata.resourceVersion ?? '')
    },
    remove(object: KubeObject) {
      sink.remove(project(object), object.metadata.resourceVersion ?? '')
    },
  }
}

const at = (name: string, version: number, more: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default', resourceVersion: String(version), ...more },
})

describe('a cache', () => {
  it('follows its watch', () => {
    const { cache, events, replace, upsert, remove } = start()
    replace(5, at('a', 1), at('b', 2))
    upsert(at('a', 6))
    remove(at('b', 7))
    expect(cache.list()).toEqual(['a@6'])
    expect(events).toEqual(['added >a@1', 'added >b@2', 'changed a@1>a@6', 'removed b@2>'])
  })

  it('tells only differences after a list was read again', () => {
    const { events, replace } = start()
    replace(5, at('a', 1), at('b', 2))
    events.length = 0
    replace(9, at('a', 1), at('c', 8))
    expect(events).toEqual(['removed b@2>', 'added >c@8'])
  })

  it('knows how far it has come, by bookmarks too', () => {
    const { cache, replace, fresh } = start()
    expect(cache.reached('1')).toBe(false)
    replace(5)
    fresh(99)
    expect([cache.reached('99'), cache.reached('100')]).toEqual([true, false])
  })

  it('remembers trouble until there is none', () => {
    const { cache, failed, replace } = start()
    failed(new KubeError('forbidden', 'x'))
    expect(cache.trouble()).toMatchObject({ code: 'forbidden' })
    replace(1)
    expect(cache.trouble()).toBeUndefined()
  })
})

describe('our own writes', () => {
  it('are read at once, and told once', () => {
    const { cache, events, replace, upsert } = start()
    replace(5, at('a', 1))
    cache.observe(at('a', 6))
    cache.observe(at('new', 7))
    upsert(at('a', 6))
    upsert(at('new', 7))
    expect(cache.list()).toEqual(['a@6', 'new@7'])
    expect(events.slice(1)).toEqual(['changed a@1>a@6', 'added >new@7'])
  })

  it('never replace something newer', () => {
    const { cache, replace, upsert } = start()
    replace(5, at('a', 1))
    upsert(at('a', 10))
    cache.observe(at('a', 9))
    expect(cache.list()).toEqual(['a@10'])
  })

  it('do not bring back what the watch saw go', () => {
    const { cache, replace, remove } = start()
    replace(5, at('a', 1))
    remove(at('a', 11))
    cache.observe(at('a', 10))
    cache.observe(at('a', 11))
    expect(cache.list()).toEqual([])
  })

  it('do not bring back what a list did not have', () => {
    const { cache, replace } = start()
    replace(5, at('a', 1))
    replace(20)
    cache.observe(at('a', 15))
    expect(cache.list()).toEqual([])
  })

  it('made anew outlive the late news of the deletion before', () => {
    const { cache, events, replace, remove, upsert } = start()
    replace(5, at('a', 1))
    cache.observe(at('a', 12))
    remove(at('a', 11))
    upsert(at('a', 12))
    expect(cache.list()).toEqual(['a@12'])
    expect(events.slice(1)).toEqual(['changed a@1>a@12'])
  })

  it('made after a list was taken outlive it', () => {
    const { cache, replace } = start()
    replace(5)
    cache.observe(at('a', 30))
    replace(20)
    expect(cache.list()).toEqual(['a@30'])
    replace(40)
    expect(cache.list()).toEqual([])
  })

  it('give way to a restored etcd, whose versions are lower', () => {
    const { cache, replace } = start()
    replace(50, at('a', 40))
    cache.observe(at('b', 60))
    replace(20, at('a', 10))
    expect(cache.list()).toEqual(['a@10'])
  })

  it('are not taken for members of a selector, nor of another namespace', () => {
    const selected = start({ labelSelector: 'x' })
    selected.replace(5, at('a', 1))
    selected.cache.observe(at('a', 6))
    selected.cache.observe(at('b', 7))
    expect(selected.cache.list()).toEqual(['a@6'])
    const inside = start({ namespace: 'default' })
    inside.replace(5)
    inside.cache.observe(at('a', 6, { namespace: 'other' }))
    expect(inside.cache.list()).toEqual([])
  })

  it('before the first list are left to it', () => {
    const { cache, replace } = start()
    cache.observe(at('a', 6))
    expect(cache.list()).toEqual([])
    replace(7, at('a', 6))
    expect(cache.list()).toEqual(['a@6'])
  })
})
