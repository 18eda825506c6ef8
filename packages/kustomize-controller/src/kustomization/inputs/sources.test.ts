import { afterEach, describe, expect, it } from '@jest/globals'
import { setTimeout as pause } from 'node:timers/promises'
import { KubeError, type KubeObject, type WatchHandle } from '@weir/shared/kube'
import { nameOfSource, watchSources } from './sources.ts'

type Sink = {
  replace(objects: readonly unknown[], version: string): void
  upsert(object: unknown, version: string): void
  failed(error: KubeError): void
}

const stops: AbortController[] = []
afterEach(() => stops.splice(0).forEach((stop) => stop.abort()))

/** An API server that refuses and delays as the test says. */
function setUp({ unserved = [], failures = 0 }: { readonly unserved?: readonly string[]; readonly failures?: number } = {}) {
  const open = new Map<string, { readonly sink: Sink; readonly project: (object: KubeObject) => unknown; readonly list: () => void }>()
  const served = new Set(['GitRepository', 'OCIRepository', 'Bucket', 'ExternalArtifact'].filter((kind) => !unserved.includes(kind)))
  const listeners: (() => void)[] = []
  const state = { failures, gets: 0 }
  const kube = {
    discovery: {
      async resource({ kind }: { kind: string }) {
        if (state.failures-- > 0) throw new KubeError('server', 'no answer')
        return served.has(kind) ? { kind } : undefined
      },
      onChange: (listener: () => void) => void listeners.push(listener),
    },
    watch({ resource, project }: { resource: { kind: string }; project: (object: KubeObject) => unknown }, sink: Sink): WatchHandle {
      const synced = Promise.withResolvers<void>()
      open.set(resource.kind, { sink, project, list: () => void (sink.replace([], '1'), synced.resolve()) })
      return { synced: synced.promise, fresh: () => true, close: () => undefined } as unknown as WatchHandle
    },
    async get() {
      state.gets += 1
      return repository('9', '2')
    },
  }
  const told: string[] = []
  const stop = new AbortController()
  stops.push(stop)
  const sources = watchSources({ kube: kube as never, namespace: undefined, signal: stop.signal, sleep: (ms, signal) => pause(Math.min(ms, 5), undefined, { signal }) })
  sources.synced.catch(() => undefined) // the test is over
  sources.onChange(({ kind, name }, source) => void told.push(`${kind}/${name} ${source?.artifact?.revision ?? 'nothing'}`))
  const see = (object: KubeObject) => {
    const { sink, project } = open.get('GitRepository') ?? {}
    sink?.upsert(project?.(object), object.metadata.resourceVersion ?? '')
  }
  return { sources, open, served, told, see, state, changed: () => listeners.forEach((listener) => listener()) }
}

const artifact = (revision: string, lastUpdateTime = '') => ({ url: 'http://x', path: 'x', revision, digest: `sha256:${revision}`, lastUpdateTime })
const repository = (resourceVersion: string, revision: string, time?: string): KubeObject => ({ apiVersion: 'source.toolkit.fluxcd.io/v1', kind: 'GitRepository', metadata: { name: 'repo', namespace: 'apps', resourceVersion }, status: { artifact: artifact(revision, time) } })
const repo = { kind: 'GitRepository', namespace: 'apps', name: 'repo' }
const settled = async (synced: Promise<void>) => Promise.race([synced.then(() => true), pause(60).then(() => false)])

describe('watchSources', () => {
  it('is synced once every kind that is served was listed', async () => {
    const { sources, open } = setUp({ unserved: ['Bucket'] })
    await pause(10)
    expect([...open.keys()].toSorted()).toEqual(['ExternalArtifact', 'GitRepository', 'OCIRepository'])
    open.get('GitRepository')?.list()
    open.get('OCIRepository')?.list()
    expect(await settled(sources.synced)).toBe(false)
    open.get('ExternalArtifact')?.list()
    expect(await settled(sources.synced)).toBe(true)
  })

  it('outlives an API server that does not answer yet', async () => {
    const { sources, open } = setUp({ failures: 6 })
    await pause(60)
    for (const { list } of open.values()) list()
    expect(await settled(sources.synced)).toBe(true)
  })

  it('waits for the lists of kinds that a change of discovery opened before its own next look', async () => {
    const { sources, open, changed } = setUp({ failures: 4 })
    changed()
    await pause(20)
    expect([...open.keys()].length).toBe(4)
    expect(await settled(sources.synced)).toBe(false)
    for (const { list } of open.values()) list()
    expect(await settled(sources.synced)).toBe(true)
  })

  it('does not wait for a kind that it may not list, and says why it knows none', async () => {
    const { sources, open } = setUp({ unserved: ['Bucket', 'ExternalArtifact'] })
    await pause(10)
    open.get('GitRepository')?.list()
    open.get('OCIRepository')?.sink.failed(new KubeError('forbidden', 'may not list'))
    expect(await settled(sources.synced)).toBe(true)
    expect([sources.trouble('OCIRepository'), sources.trouble('GitRepository')]).toEqual(['may not list', undefined])
  })

  it('opens a kind when it is defined', async () => {
    const { open, served, changed } = setUp({ unserved: ['Bucket'] })
    await pause(10)
    served.add('Bucket')
    changed()
    await pause(10)
    expect(open.has('Bucket')).toBe(true)
  })

  it('tells of artifacts, not of other changes; a newer time is news', async () => {
    const { open, told, see } = setUp()
    await pause(10)
    open.get('GitRepository')?.list()
    see(repository('2', '1'))
    see(repository('3', '1'))
    see(repository('4', '1', '2026-01-01T00:00:00Z'))
    see(repository('5', '2', '2026-01-01T00:00:00Z'))
    expect(told).toEqual(['GitRepository/repo 1', 'GitRepository/repo 1', 'GitRepository/repo 2'])
  })

  it('reaches an announced version by the watch, or by one read for all who ask', async () => {
    const { sources, open, see, state } = setUp()
    await pause(10)
    open.get('GitRepository')?.list()
    see(repository('5', '1'))
    await sources.reach(repo, '5')
    expect(state.gets).toBe(0)
    await Promise.all([sources.reach(repo, '9'), sources.reach(repo, '9'), sources.reach({ ...repo, kind: 'Nonsense' }, '9')])
    expect([state.gets, sources.get(repo)?.artifact?.revision]).toEqual([1, '2'])
  })
})

describe('nameOfSource', () => {
  it('is in the own namespace unless another is named', () => {
    expect([nameOfSource({ kind: 'GitRepository', name: 'a', namespace: '' }, 'own').namespace, nameOfSource({ kind: 'GitRepository', name: 'a', namespace: 'x' }, 'own').namespace]).toEqual(['own', 'x'])
  })
})
