import { afterEach, describe, expect, it } from '@jest/globals'
import { listOf, reply, startScripted, statusOf, type Script, type ScriptedServer } from '../toys/scripted-server.ts'

let server: ScriptedServer | undefined
afterEach(async () => {
  await server?.close()
  server = undefined
})

async function start(script: Script): Promise<ScriptedServer> {
  return (server = await startScripted(script))
}

const resource = (kind: string, plural: string) => ({
  resource: plural,
  responseKind: { group: '', version: '', kind },
  scope: 'Namespaced',
  verbs: ['get', 'list', 'watch'],
  subresources: [{ subresource: 'status' }],
})
const aggregated = (...groups: readonly object[]) => ({ kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2', items: groups })
const group = (name: string, ...versions: readonly object[]) => ({ metadata: name === '' ? {} : { name }, versions })
const core = aggregated(group('', { version: 'v1', freshness: 'Current', resources: [resource('ConfigMap', 'configmaps')] }))
const named = aggregated(
  group('apps', { version: 'v1', freshness: 'Current', resources: [resource('Deployment', 'deployments')] }),
  group('metrics.k8s.io', { version: 'v1beta1', freshness: 'Stale', resources: [] }),
)

/** Nobody claims or defines anything else. */
const definers: Script = (seen, response) => reply(response, listOf([], 1), {})
const served: Script = (seen, response, nth) => {
  if (seen.path === '/api') return reply(response, core)
  if (seen.path === '/apis') return reply(response, named)
  return definers(seen, response, nth)
}

describe('discovery', () => {
  it('is two calls for everything, however many ask', async () => {
    const { kube, seen } = await start(served)
    const found = await Promise.all(Array.from({ length: 50 }, () => kube.discovery.resource({ group: 'apps', kind: 'Deployment' })))
    expect(found[49]).toEqual({ group: 'apps', version: 'v1', kind: 'Deployment', plural: 'deployments', namespaced: true, verbs: ['get', 'list', 'watch'], status: true })
    expect(await kube.discovery.resource({ group: '', kind: 'ConfigMap' })).toBeDefined()
    expect(seen.map(({ path }) => path).toSorted()).toEqual(['/api', '/apis'])
  })

  it('looks for a miss not more than once in 5 s, and when told to', async () => {
    const { kube, seen } = await start(served)
    for (let i = 0; i < 10; i++) expect(await kube.discovery.resource({ group: 'x', kind: 'X' })).toBeUndefined()
    expect(seen.length).toBe(2)
    await kube.discovery.refresh({ maxAgeMs: 0 })
    expect(seen.length).toBe(4)
  })

  it('begins after the call when told so, once for all who came meanwhile', async () => {
    const { kube, seen } = await start(served)
    await Promise.all(Array.from({ length: 10 }, () => kube.discovery.refresh({ maxAgeMs: 0 })))
    expect(seen.length).toBe(4)
  })

  it('is a 304 while nothing changed, and tells all groups at first and then those that did', async () => {
    let current = named
    let etag = '"1"'
    const { kube } = await start((seen, response, nth) => {
      if (seen.path !== '/apis') return served(seen, response, nth)
      if (seen.headers['if-none-match'] === etag) return void response.writeHead(304).end()
      return reply(response, current, { headers: { etag } })
    })
    const told: (readonly string[])[] = []
    kube.discovery.onChange((groups) => void told.push([...groups]))
    await kube.discovery.refresh()
    await kube.discovery.refresh({ maxAgeMs: 0 })
    expect(await kube.discovery.resource({ group: 'apps', kind: 'Deployment' })).toBeDefined()
    current = aggregated(group('apps', { version: 'v1', freshness: 'Current', resources: [] }))
    etag = '"2"'
    await kube.discovery.refresh({ maxAgeMs: 0 })
    expect(told).toEqual([['', 'apps', 'metrics.k8s.io'], ['apps', 'metrics.k8s.io']])
  })

  it('tells all groups at the first look that works', async () => {
    const { kube } = await start((seen, response, nth) => (nth === 1 ? reply(response, statusOf(403, 'Forbidden'), { status: 403 }) : served(seen, response, nth)))
    const told: (readonly string[])[] = []
    kube.discovery.onChange((groups) => void told.push([...groups]))
    await expect(kube.discovery.resource({ group: 'apps', kind: 'Deployment' })).rejects.toMatchObject({ code: 'forbidden' })
    expect(told).toEqual([])
    expect(await kube.discovery.resource({ group: 'apps', kind: 'Deployment' })).toBeDefined()
    expect(told).toEqual([['', 'apps', 'metrics.k8s.io']])
  })

  it('takes the version that the server prefers, or the one asked for', async () => {
    const versions = ['v2', 'v1'].map((version) => ({ version, freshness: 'Current', resources: version === 'v2' ? [resource('A', 'as')] : [resource('A', 'as'), resource('B', 'bs')] }))
    const { kube } = await start((seen, response, nth) => (seen.path === '/apis' ? reply(response, aggregated(group('g', ...versions))) : served(seen, response, nth)))
    const versionOf = async (kind: string, version?: string): Promise<string | undefined> =>
      (await kube.discovery.resource({ group: 'g', kind, ...(version !== undefined && { version }) }))?.version
    expect([await versionOf('A'), await versionOf('A', 'v1'), await versionOf('B'), await versionOf('B', 'v2')]).toEqual(['v2', 'v1', 'v1', undefined])
  })

  it('works with a server that knows only the old form; one broken group hides no other', async () => {
    const { kube } = await start((seen, response) => {
      const entry = (name: string, kind: string) => ({ name, kind, namespaced: true, verbs: ['get'] })
      const answers: Record<string, object> = {
        '/api': { kind: 'APIVersions', versions: ['v1'] },
        '/api/v1': { kind: 'APIResourceList', resources: [entry('pods', 'Pod'), entry('pods/status', 'Pod')] },
        '/apis': {
          kind: 'APIGroupList',
          groups: [
            { name: 'apps', versions: [{ version: 'v1beta1' }, { version: 'v1' }], preferredVersion: { version: 'v1' } },
            { name: 'broken.io', versions: [{ version: 'v1' }] },
          ],
        },
        '/apis/apps/v1': { kind: 'APIResourceList', resources: [entry('deployments', 'Deployment')] },
        '/apis/apps/v1beta1': { kind: 'APIResourceList', resources: [entry('deployments', 'Deployment')] },
      }
      const answer = answers[seen.path]
      if (answer) reply(response, answer)
      else reply(response, statusOf(404, 'NotFound'), { status: 404 })
    })
    expect(await kube.discovery.resource({ group: '', kind: 'Pod' })).toMatchObject({ plural: 'pods', status: true })
    expect(await kube.discovery.resource({ group: 'apps', kind: 'Deployment' })).toMatchObject({ version: 'v1', status: false })
    expect([kube.discovery.complete('apps'), kube.discovery.complete('broken.io')]).toEqual([true, false])
    expect(await kube.discovery.absent({ group: 'broken.io', kind: 'X' })).toBe('unknown')
  })

  it('fails loudly, not as an empty server, on an answer that is none', async () => {
    const { kube } = await start((_, response) => reply(response, {}))
    await expect(kube.discovery.resource({ group: '', kind: 'Pod' })).rejects.toMatchObject({ code: 'server' })
    expect(await kube.discovery.absent({ group: 'apps', kind: 'Deployment' })).toBe('unknown')
    expect(kube.discovery.complete('apps')).toBe(false)
  })
})

describe('a kind that is not served', () => {
  const local = { metadata: { name: 'v1.apps' }, spec: { group: 'apps', version: 'v1' } }
  const remote = { metadata: { name: 'v1.far.io' }, spec: { group: 'far.io', version: 'v1', service: { name: 's' } } }
  const crd = { metadata: { name: 'widgets.mine.io', deletionTimestamp: '2026-01-01T00:00:00Z' } }
  const whole = { ...crd, spec: { group: 'mine.io', names: { kind: 'Widget' } } }

  function answers(broken: string): Script {
    return (seen, response, nth) => {
      if (seen.path === broken) return reply(response, statusOf(403, 'Forbidden'), { status: 403 })
      if (seen.path.endsWith('/apiservices')) return reply(response, listOf([local, remote], 1))
      if (seen.path.endsWith('/customresourcedefinitions')) return reply(response, listOf([crd], 1))
      if (seen.path.endsWith('/widgets.mine.io')) return reply(response, whole)
      return served(seen, response, nth)
    }
  }

  it.each([
    ['is gone when nobody claims its group', 'none.io', 'X', 'gone'],
    ['is gone from a group of the API server itself', 'apps', 'X', 'gone'],
    ['is gone when its group has CRDs of other kinds', 'mine.io', 'Other', 'gone'],
    ['is not gone while a CRD defines it, not even one that is being deleted', 'mine.io', 'Widget', 'unknown'],
    ['is not gone while another server claims its group', 'far.io', 'X', 'unknown'],
    ['is not gone while its group is stale', 'metrics.k8s.io', 'PodMetrics', 'unknown'],
    ['may be served after all', 'apps', 'Deployment', 'served'],
  ])('%s', async (...[, of, kind, verdict]) => {
    const { kube } = await start(answers(''))
    expect(await kube.discovery.absent({ group: of, kind })).toBe(verdict)
  })

  it.each(['/apis', '/apis/apiregistration.k8s.io/v1/apiservices', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'])('is not gone when %s cannot be read', async (path) => {
    const { kube } = await start(answers(path))
    expect(await kube.discovery.absent({ group: 'none.io', kind: 'X' })).toBe('unknown')
  })

  it('is asked about at the cost of one look, however many ask', async () => {
    const { kube, seen } = await start(answers(''))
    await Promise.all(Array.from({ length: 20 }, (_, index) => kube.discovery.absent({ group: 'none.io', kind: `X${index}` })))
    expect(seen.length).toBe(4)
  })
})
