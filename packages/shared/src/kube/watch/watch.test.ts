import type { ServerResponse } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, describe, expect, it } from '@jest/globals'
import type { KubeLimits } from '../kube.ts'
import type { KubeObject } from '../objects.ts'
import { configMap, configMaps, eventLine, listOf, reply, startScripted, statusOf, type ScriptedServer, type Seen } from '../toys/scripted-server.ts'
import type { WatchSpec } from './reflection.ts'
import type { WatchHandle } from './watch.ts'

let server: ScriptedServer | undefined
afterEach(async () => {
  await server?.close()
  server = undefined
})

interface Watched {
  readonly told: string[]
  readonly handle: WatchHandle
  readonly server: ScriptedServer
  /** Waits until the sink was told so. */
  until(line: string): Promise<void>
  lists(): readonly Seen[]
  watches(): readonly Seen[]
}

interface Answers {
  list(seen: Seen, response: ServerResponse, nth: number): void
  watch(seen: Seen, response: ServerResponse, nth: number): void | Promise<void>
}

/** Every list is answered by `list`, every watch by `watch`, both counted from 1. */
async function start(answers: Answers, { limits = {}, spec = {} }: { readonly limits?: Partial<KubeLimits>; readonly spec?: Partial<WatchSpec> } = {}): Promise<Watched> {
  const counts = { list: 0, watch: 0 }
  const scripted = await startScripted(async (seen, response) => {
    const kind = seen.query.has('watch') ? 'watch' : 'list'
    counts[kind]++
    await answers[kind](seen, response, counts[kind])
  }, limits)
  server = scripted
  const told: string[] = []
  const name = (object: { metadata: { name: string } }): string => object.metadata.name
  const handle = scripted.kube.watch(
    { resource: configMaps, signal: new AbortController().signal, ...spec },
    {
      replace: (objects, version) => void told.push(`= ${objects.map(name).join()} @${version}`),
      upsert: (object, version) => void told.push(`+ ${name(object)} @${version}`),
      remove: (object, version) => void told.push(`- ${name(object)} @${version}`),
      failed: (error) => void told.push(`! ${error.code}`),
      unlisted: (error) => void told.push(`? ${error.code}`),
      fresh: (version) => void told.push(`fresh @${version}`),
    },
  )
  return {
    told,
    handle,
    server: scripted,
    async until(line) {
      for (let i = 0; i < 400 && !told.includes(line); i++) await pause(10)
      expect(told).toContain(line)
    },
    lists: () => scripted.seen.filter(({ query }) => !query.has('watch')),
    watches: () => scripted.seen.filter(({ query }) => query.has('watch')),
  }
}

const oneObject: Answers['list'] = (_, response) => reply(response, listOf([configMap('a', 3)], 5))
const versions = (watches: readonly Seen[]): readonly (string | null)[] => watches.map(({ query }) => query.get('resourceVersion'))

describe('a watch', () => {
  it('lists, then tells every event in order', async () => {
    const { told, until, handle, watches } = await start({
      list: oneObject,
      watch(_, response) {
        response.write(eventLine('ADDED', configMap('b', 6)) + eventLine('MODIFIED', configMap('a', 7)))
        response.write(eventLine('DELETED', configMap('a', 8)) + eventLine('BOOKMARK', { metadata: { resourceVersion: '11' } }))
      },
    })
    await handle.synced
    await until('fresh @11')
    expect(told).toEqual(['= a @5', 'fresh @5', '+ b @6', 'fresh @6', '+ a @7', 'fresh @7', '- a @8', 'fresh @8', 'fresh @11'])
    expect(handle.fresh()).toBe(true)
    expect(Object.fromEntries(watches()[0]?.query ?? [])).toMatchObject({ watch: '1', allowWatchBookmarks: 'true', resourceVersion: '5' })
    const seconds = Number(watches()[0]?.query.get('timeoutSeconds'))
    expect(seconds).toBeGreaterThanOrEqual(261)
    expect(seconds).toBeLessThanOrEqual(319)
  })

  it('reads events that arrive in pieces, in the middle of a character', async () => {
    const { until } = await start({
      list: oneObject,
      async watch(_, response) {
        for (const byte of Buffer.from(eventLine('ADDED', configMap('b', 6, { labels: { x: 'ü€😀' } })))) {
          response.write(Buffer.of(byte))
          await pause(0)
        }
      },
    })
    await until('+ b @6')
  })

  it('goes on at the last resourceVersion after a cut, a bookmark included, without a list', async () => {
    const { until, lists, watches } = await start({
      list: oneObject,
      watch(_, response, nth) {
        if (nth === 1) response.write(eventLine('BOOKMARK', { metadata: { resourceVersion: '11' } }), () => response.destroy())
        else response.write(eventLine('ADDED', configMap('b', 12)))
      },
    })
    await until('+ b @12')
    expect([lists().length, versions(watches())]).toEqual([1, ['5', '11']])
  })

  it('goes on after the server ended it', async () => {
    const { until, lists, watches } = await start({
      list: oneObject,
      watch(_, response, nth) {
        if (nth === 1) response.end(eventLine('ADDED', configMap('b', 6)))
        else response.write(eventLine('ADDED', configMap('c', 7)))
      },
    })
    await until('+ c @7')
    expect([lists().length, versions(watches())]).toEqual([1, ['5', '6']])
  })

  it('goes on before an event that was cut off', async () => {
    const { told, until, lists, watches } = await start({
      list: oneObject,
      watch(_, response, nth) {
        if (nth === 1) response.end(eventLine('ADDED', configMap('b', 6)) + eventLine('ADDED', configMap('c', 7)).slice(0, 30))
        else if (nth === 2) response.end('{"type": nonsense}\n')
        else response.write(eventLine('ADDED', configMap('c', 7)))
      },
    })
    await until('+ c @7')
    expect(told.filter((line) => line.startsWith('+'))).toEqual(['+ b @6', '+ c @7'])
    expect([lists().length, versions(watches())]).toEqual([1, ['5', '6', '6']])
  })

  it.each([
    ['an ERROR event', (response: ServerResponse) => void response.write(eventLine('ERROR', statusOf(410, 'Expired')))],
    [
      'the answer',
      (response: ServerResponse) => {
        reply(response, statusOf(410, 'Expired'), { status: 410 })
      },
    ],
  ])('lists again when %s says that its resourceVersion is gone', async (_, say) => {
    const { told, until } = await start({
      list: (__, response, nth) => reply(response, nth === 1 ? listOf([configMap('a', 3)], 5) : listOf([configMap('b', 19)], 20)),
      watch: (__, response, nth) => (nth === 1 ? say(response) : void response.write(eventLine('ADDED', configMap('c', 21)))),
    })
    await until('+ c @21')
    expect(told.filter((line) => !line.startsWith('fresh'))).toEqual(['= a @5', '= b @20', '+ c @21'])
  })

  it('is opened anew when it is silent, at its last resourceVersion', async () => {
    const { until, lists, watches, handle } = await start(
      {
        list: oneObject,
        watch(_, response, nth) {
          if (nth === 2) response.write(eventLine('ADDED', configMap('b', 6)))
          else response.flushHeaders()
        },
      },
      { limits: { silenceMs: 500 } },
    )
    await handle.synced
    expect(handle.fresh()).toBe(true)
    await until('+ b @6')
    expect([lists().length, versions(watches())]).toEqual([1, ['5', '5']])
    await pause(600)
    expect(handle.fresh()).toBe(false)
  })

  it('is opened anew when not even its headers come', async () => {
    const { until, lists } = await start({ list: oneObject, watch: (_, response, nth) => void (nth > 1 && response.write(eventLine('ADDED', configMap('b', 6)))) }, { limits: { watchOpenMs: 100 } })
    await until('+ b @6')
    expect(lists().length).toBe(1)
  })

  it.each([
    [403, 'Forbidden', 'forbidden'],
    [404, 'NotFound', 'not-served'],
    [405, 'MethodNotAllowed', 'method-not-allowed'],
  ])('tells that it may not list (%d) and keeps trying', async (status, reason, code) => {
    const { told, until, handle } = await start({
      list: (_, response, nth) => (nth <= 2 ? reply(response, statusOf(status, reason), { status }) : reply(response, listOf([], 1))),
      watch: (_, response) => response.flushHeaders(),
    })
    await handle.synced
    await until('=  @1')
    expect(told).toEqual([`! ${code}`, `! ${code}`, '=  @1', 'fresh @1'])
  })

  it('comes through 429, 500 and resets of the list', async () => {
    const { told, handle } = await start({
      list(_, response, nth) {
        if (nth === 1) return void response.destroy()
        if (nth <= 3) return reply(response, statusOf(500, 'InternalError'), { status: 500 })
        if (nth === 4) return reply(response, statusOf(429, 'TooManyRequests'), { status: 429 })
        return reply(response, listOf([configMap('a', 1)], 2))
      },
      watch: (_, response) => response.flushHeaders(),
    })
    await handle.synced
    expect(told[0]).toBe('= a @2')
  })

  it('tells that a list failed for now, and keeps trying', async () => {
    const { told, until } = await start({
      list: (seen, response, nth) => (nth <= 5 ? reply(response, statusOf(500, 'InternalError'), { status: 500 }) : oneObject(seen, response, nth)),
      watch: (_, response) => response.flushHeaders(),
    })
    await until('fresh @5')
    expect(told).toEqual(['? server', '= a @5', 'fresh @5'])
  })

  describe('that nobody answered', () => {
    const minutes = { limits: { watchPauseMs: 120_000 } }

    it('is opened again as soon as somebody is answered over the same connections', async () => {
      const { told, server: scripted } = await start(
        { list: oneObject, watch: (_, response, nth) => void (nth === 1 ? response.destroy() : response.write(eventLine('ADDED', configMap('b', 6)))) },
        minutes,
      )
      for (let i = 0; i < 100 && !told.includes('+ b @6'); i++) {
        await scripted.kube.list(configMaps)
        await pause(30)
      }
      expect(told).toContain('+ b @6')
    })

    it('is so once: its pauses grow where all others are answered', async () => {
      const { watches, server: scripted } = await start({ list: oneObject, watch: (_, response) => void response.destroy() }, minutes)
      const list = async (): Promise<void> => {
        await scripted.kube.list(configMaps)
        await pause(30)
      }
      for (let i = 0; i < 100 && watches().length < 2; i++) await list()
      for (let i = 0; i < 50; i++) await list() // longer than a pause that is cut short
      expect(watches().length).toBe(2)
    })
  })

  it('drops managedFields unless asked, and keeps only what is projected', async () => {
    const managedFields = [{ manager: 'x' }]
    const { kube } = (server = await startScripted((one, response) => {
      if (one.query.has('watch')) response.write(eventLine('ADDED', configMap('b', 6, { managedFields })))
      else reply(response, listOf([configMap('a', 3, { managedFields })], 5))
    }))
    const kept = async (more: Partial<WatchSpec<unknown>>): Promise<readonly unknown[]> => {
      const seen: unknown[] = []
      const spec = { resource: configMaps, project: (object: KubeObject): unknown => object.metadata.managedFields, signal: new AbortController().signal, ...more }
      await new Promise<void>((resolve) => {
        kube.watch<unknown>(spec, { replace: (all) => void seen.push(...all), upsert: (one) => resolve(void seen.push(one)), remove: () => undefined })
      })
      return seen
    }
    expect(await kept({})).toEqual([undefined, undefined])
    expect(await kept({ managedFields: true })).toEqual([managedFields, managedFields])
  })

  it('of metadata asks for metadata, and of one object for that one', async () => {
    const { watches, lists, until } = await start(
      { list: oneObject, watch: (_, response) => void response.write(eventLine('ADDED', { kind: 'PartialObjectMetadata', ...configMap('a', 6) })) },
      { spec: { metadataOnly: true, name: 'a', namespace: 'default', fieldSelector: 'x=y', labelSelector: 'l' } },
    )
    await until('+ a @6')
    expect(lists()[0]?.headers['accept']).toContain('as=PartialObjectMetadataList')
    expect(watches()[0]?.headers['accept']).toContain('as=PartialObjectMetadata;')
    for (const { query, path } of [...lists(), ...watches()]) {
      expect([path, query.get('fieldSelector'), query.get('labelSelector')]).toEqual(['/api/v1/namespaces/default/configmaps', 'metadata.name=a,x=y', 'l'])
    }
  })

  it('tells nothing after it was closed, and rejects who waits for its first list', async () => {
    const watched = await start({ list: () => undefined, watch: () => undefined })
    watched.handle.close()
    await expect(watched.handle.synced).rejects.toMatchObject({ code: 'aborted' })
    expect([watched.told, watched.handle.fresh()]).toEqual([[], false])
  })

  it('ends with its signal and with the connection', async () => {
    const answers: Answers = { list: oneObject, watch: (_, response) => response.flushHeaders() }
    const abort = new AbortController()
    const { handle, server: scripted } = await start(answers, { spec: { signal: abort.signal } })
    await handle.synced
    abort.abort()
    expect(handle.fresh()).toBe(false)
    const other = scripted.kube.watch({ resource: configMaps, signal: new AbortController().signal }, { replace: () => undefined, upsert: () => undefined, remove: () => undefined })
    await other.synced
    await scripted.kube.close()
    expect(other.fresh()).toBe(false)
  })

  it('lists again after a sink that threw', async () => {
    let thrown = false
    const scripted = await startScripted((seen, response) => {
      if (!seen.query.has('watch')) return reply(response, listOf([configMap('a', 3)], 5))
      if (!thrown) response.write(eventLine('ADDED', configMap('b', 6)))
      else response.flushHeaders()
    })
    server = scripted
    let lists = 0
    scripted.kube.watch(
      { resource: configMaps, signal: new AbortController().signal },
      {
        replace: () => void lists++,
        upsert() {
          thrown = true
          throw new Error('a bug')
        },
        remove: () => undefined,
      },
    )
    for (let i = 0; i < 200 && lists < 2; i++) await pause(10)
    expect(lists).toBe(2)
  })

  it('never takes more than a connection of its own, however many there are', async () => {
    const { server: scripted } = await start({ list: oneObject, watch: (_, response) => response.flushHeaders() })
    const signal = new AbortController().signal
    const idle = { replace: () => undefined, upsert: () => undefined, remove: () => undefined }
    await Promise.all(Array.from({ length: 100 }, () => scripted.kube.watch({ resource: configMaps, signal }, idle).synced))
    expect(await scripted.kube.list(configMaps)).toBeDefined()
  })
})
