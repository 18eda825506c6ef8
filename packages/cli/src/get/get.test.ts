import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { gitRepositoryKind, kustomizationKind, type Kind } from '@weir/shared/api'
import type { ControlPlane } from '@weir/shared/control-plane'
import { serve } from '@weir/shared/http'
import type { Kube, KubeObject } from '@weir/shared/kube'
import { quietTelemetry } from '@weir/shared/telemetry'
import { installChart, testControlPlane } from '@weir/shared/testing'
import { connect } from '../connection/connect.ts'
import { runForTest, type Ran, type TestWorldOptions } from '../test-world.ts'

const ready = (status: string, message: string): object => ({
  type: 'Ready',
  status,
  reason: status === 'True' ? 'ReconciliationSucceeded' : 'BuildFailed',
  message,
  lastTransitionTime: '2026-01-01T00:00:00Z',
})
const long = `apps/base/kustomization.yaml: ${'a long message '.repeat(20)}end`

describe('weir get', () => {
  let cluster: ControlPlane
  let kube: Kube
  const get = (args: readonly string[], options: TestWorldOptions = {}): Promise<Ran> =>
    runForTest(['get', ...args], { env: { KUBECONFIG: cluster.kubeconfig() }, ...options })

  async function create(kind: Kind, name: string, { namespace, spec, status }: { namespace: string; spec: object; status?: object }): Promise<KubeObject> {
    const created = await kube.create(kind, { apiVersion: `${kind.group}/v1`, kind: kind.kind, metadata: { name, namespace }, spec }, { manager: 'test' })
    return status === undefined ? created : setStatus(kind, name, { namespace, status })
  }

  function setStatus(kind: Kind, name: string, { namespace, status }: { namespace: string; status: object }): Promise<KubeObject> {
    return kube.patch({ resource: kind, namespace, name }, { type: 'merge', subresource: 'status', body: { status }, manager: 'test' })
  }

  beforeAll(async () => {
    cluster = await testControlPlane({ fleet: 'api', fresh: true })
    kube = (await connect({ kubeconfig: cluster.kubeconfig() })).kube
  })

  afterAll(async () => {
    await kube.close()
    await cluster.stop()
  })

  it('says that the definitions are not installed, and installs none', async () => {
    const ran = await get([])
    expect(ran).toMatchObject({ code: 1, out: '' })
    expect(ran.err).toMatch(/definitions are not installed/)
  })

  describe('with objects', () => {
    const sourceRef = { kind: 'GitRepository', name: 'fleet' }

    beforeAll(async () => {
      await installChart(cluster)
      const artifact = { revision: `main@sha1:${'ab'.repeat(20)}`, digest: `sha256:${'0'.repeat(64)}`, path: 'p', url: 'http://x/p', lastUpdateTime: '2026-01-01T00:00:00Z' }
      await create(gitRepositoryKind, 'fleet', { namespace: 'flux-system', spec: { url: 'https://git.example/fleet', interval: '1m' }, status: { artifact, conditions: [ready('True', 'stored artifact')] } })
      await create(kustomizationKind, 'broken', { namespace: 'flux-system', spec: { interval: '1m', prune: true, sourceRef }, status: { conditions: [ready('False', long)] } })
      await create(kustomizationKind, 'apps', { namespace: 'weir-system', spec: { interval: '1m', prune: true, suspend: true, sourceRef } })
    })

    it('shows every object of every namespace, sources first', async () => {
      const { code, out } = await get([])
      const cells = out.trimEnd().split('\n').map((line) => line.split(/ {2,}/))
      expect(code).toBe(0)
      expect(cells[0]).toEqual(['NAMESPACE', 'OBJECT', 'READY', 'REVISION', 'AGE', 'SUSPENDED', 'MESSAGE'])
      expect(cells.slice(1).map((row) => row.slice(0, 4))).toEqual([
        ['flux-system', 'GitRepository/fleet', 'True', 'main@sha1:abababab'],
        ['flux-system', 'Kustomization/broken', 'False', '-'],
        ['weir-system', 'Kustomization/apps', 'Unknown', '-'],
      ])
      expect(cells[3]?.slice(5)).toEqual(['True', 'no controller has reconciled this object yet'])
    })

    it('cuts messages to a terminal, not in wide and not in a pipe', async () => {
      const onTerminal = await get([], { columns: 120, env: { KUBECONFIG: cluster.kubeconfig(), NO_COLOR: '1' } })
      expect(Math.max(...onTerminal.out.split('\n').map((line) => line.length))).toBe(120)
      expect((await get(['-o', 'wide'], { columns: 120 })).out).toContain(long)
      expect((await get([])).out).toContain(long)
    })

    it('colours on a terminal alone', async () => {
      expect((await get([], { columns: 200 })).out).toContain('\u001b[32mTrue')
      expect((await get([])).out).not.toContain('\u001b')
    })

    it.each([
      [['ks'], ['broken', 'apps']],
      [['kustomization', '-n', 'weir-system'], ['apps']],
      [['ks/apps'], ['apps']],
      [['gitrepo', 'fleet', '-n', 'flux-system'], ['fleet']],
    ])('%j', async (args, names) => {
      const { code, out } = await get(args)
      expect(code).toBe(0)
      expect([...out.matchAll(/(?:GitRepository|Kustomization)\/(\S+) /g)].map(([, name]) => name)).toEqual(names)
    })

    it('writes documents that programs read', async () => {
      const list = JSON.parse((await get(['-o', 'json'])).out) as { kind: string; items: KubeObject[] }
      expect(list.kind).toBe('List')
      expect(list.items.map(({ kind, metadata }) => `${kind}/${metadata.name}`)).toEqual(['GitRepository/fleet', 'Kustomization/broken', 'Kustomization/apps'])
      const one = JSON.parse((await get(['ks/apps', '-o', 'json'])).out) as KubeObject
      expect(one).toMatchObject({ apiVersion: 'kustomize.toolkit.fluxcd.io/v1', kind: 'Kustomization', spec: { suspend: true } })
      expect(one.metadata.managedFields).toBeUndefined()
      expect((await get(['ks/apps', '-o', 'yaml'])).out).toMatch(/^apiVersion: kustomize[^]*\n {2}suspend: true\n/)
    })

    it('says what is not there', async () => {
      expect(await get(['ks/none'])).toMatchObject({ code: 1, err: 'weir: there is no Kustomization none in any namespace\n' })
      expect(await get(['ks/none', '-n', 'weir-system'])).toMatchObject({ code: 1 })
      expect(await get(['ocirepository'])).toMatchObject({ code: 1, out: '' })
      expect(await get(['ks', '-n', 'nowhere'])).toMatchObject({ code: 0, out: '', err: 'there are no objects in namespace nowhere\n' })
    })

    it('asks which one is meant where a name is in several namespaces', async () => {
      await create(kustomizationKind, 'twin', { namespace: 'flux-system', spec: { interval: '1m', prune: true, sourceRef } })
      await create(kustomizationKind, 'twin', { namespace: 'weir-system', spec: { interval: '1m', prune: true, sourceRef } })
      const ran = await get(['ks/twin'])
      expect(ran).toMatchObject({ code: 2 })
      expect(ran.err).toMatch(/flux-system, weir-system/)
      for (const namespace of ['flux-system', 'weir-system']) await kube.delete({ resource: kustomizationKind, namespace, name: 'twin' })
    })

    it('says that the right to look is missing', async () => {
      const ran = await get([], { env: { KUBECONFIG: cluster.kubeconfig('nobody') } })
      expect(ran).toMatchObject({ code: 1, out: '' })
      expect(ran.err).toMatch(/forbidden/i)
    })

    it('watches: what there is, then what changes, until it is stopped', async () => {
      const watched = watching(['-n', 'weir-system'], cluster.kubeconfig())
      await watched.until(/Kustomization\/apps .*no controller/)
      await setStatus(kustomizationKind, 'apps', { namespace: 'weir-system', status: { lastAppliedRevision: 'main@sha1:cd', conditions: [ready('True', 'Applied')] } })
      await watched.until(/Kustomization\/apps +True +main@sha1:cd .*Applied/)
      // Nothing that is shown changes: no line.
      await setStatus(kustomizationKind, 'apps', { namespace: 'weir-system', status: { lastHandledReconcileAt: 'x' } })
      await kube.delete({ resource: kustomizationKind, namespace: 'weir-system', name: 'apps' })
      await watched.until(/deleted/)
      const { code, out } = await watched.end()
      expect(code).toBe(0)
      expect(out.split('\n').filter((line) => line.includes('Kustomization/apps'))).toHaveLength(3)
    })

    it('watches documents: what is deleted is shown once more, and told apart where asked for', async () => {
      const name = 'passing'
      await create(kustomizationKind, name, { namespace: 'weir-system', spec: { interval: '1m', prune: true, sourceRef } })
      const args = [`ks/${name}`, '-n', 'weir-system', '-o', 'json']
      const both = [watching(args, cluster.kubeconfig()), watching([...args, '--output-watch-events'], cluster.kubeconfig())]
      const untilLines = (pattern: RegExp): Promise<unknown> => Promise.all(both.map(({ until }) => until(pattern)))
      await untilLines(/^.+\n/)
      await setStatus(kustomizationKind, name, { namespace: 'weir-system', status: { conditions: [ready('True', 'Applied')] } })
      await untilLines(/^(?:.+\n){2}/)
      await kube.delete({ resource: kustomizationKind, namespace: 'weir-system', name })
      await untilLines(/^(?:.+\n){3}/)
      const [states, events] = (await Promise.all(both.map(({ end }) => end()))).map(({ out }) => out.trimEnd().split('\n').map((line) => JSON.parse(line) as unknown))
      const state = expect.objectContaining({ kind: 'Kustomization', metadata: expect.objectContaining({ name }) })
      expect(states).toEqual([state, state, state])
      expect(events).toEqual(['ADDED', 'MODIFIED', 'DELETED'].map((type) => ({ type, object: state })))
    })
  })
})

describe('weir get --watch on a cluster in trouble', () => {
  const closers: (() => Promise<void>)[] = []
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close()
  })

  /** Path of a kubeconfig for an API server that answers so. */
  async function startServer(handler: (path: string, response: ServerResponse) => void): Promise<{ readonly kubeconfig: string; close(): Promise<void> }> {
    const server = await serve({ address: '127.0.0.1:0', telemetry: quietTelemetry(), handler: ({ url = '' }, response) => handler(url, response) })
    const dir = await mkdtemp(join(tmpdir(), 'weir-get-'))
    closers.push(() => rm(dir, { recursive: true }), () => server.close(0))
    const kubeconfig = join(dir, 'config')
    const [clusters, contexts] = [[{ name: 'k', cluster: { server: server.url } }], [{ name: 'c', context: { cluster: 'k', user: 'u' } }]]
    await writeFile(kubeconfig, JSON.stringify({ 'current-context': 'c', clusters, contexts, users: [{ name: 'u', user: { token: 'some-token' } }] }))
    return { kubeconfig, close: () => server.close(0) }
  }

  function reply(response: ServerResponse, status: number, body: object): void {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }
  const refuse = (response: ServerResponse, code: number): void => reply(response, code, { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, message: `no: ${code}` })

  it.each([[[]], [['--watch']]])('%j ends with 3 where nobody listens', async (args) => {
    const { kubeconfig, close } = await startServer(() => undefined)
    await close()
    const ran = await runForTest(['get', ...args], { env: { KUBECONFIG: kubeconfig }, stop: AbortSignal.timeout(30_000) })
    expect(ran).toMatchObject({ code: 3, out: '' })
    expect(ran.err).toMatch(/^weir: .*connection refused\n$/)
  })

  it.each([
    [401, 3],
    [403, 1],
    [500, 1],
  ])('ends like plain get where every kind is answered %d', async (status, code) => {
    const { kubeconfig } = await startServer((_, response) => refuse(response, status))
    const ran = await runForTest(['get', '--watch'], { env: { KUBECONFIG: kubeconfig }, stop: AbortSignal.timeout(30_000) })
    expect(ran).toMatchObject({ code, out: '', err: expect.stringMatching(/^weir: .*no: \d+\n$/) })
  })

  it('shows what there is though one kind always fails, and says once that it does', async () => {
    const { kubeconfig } = await startServer((path, response) => {
      if (path.includes('/buckets')) return refuse(response, 500)
      if (path.includes('watch=1')) return response.flushHeaders()
      if (!path.includes('/kustomizations')) return refuse(response, 404)
      reply(response, 200, { kind: 'KustomizationList', metadata: { resourceVersion: '1' }, items: [{ metadata: { name: 'apps', namespace: 'default', resourceVersion: '1' } }] })
    })
    const watched = watching([], kubeconfig)
    await watched.until(/Kustomization\/apps/)
    const { code, err } = await watched.end()
    expect([code, err]).toEqual([0, expect.stringMatching(/^weir: list buckets.*no: 500\n$/)])
  })
})

it.each([[[]], [['--watch']], [['-o', 'json']], [['--watch', '-o', 'wide']]])('weir get --output-watch-events %j is a mistake of usage', async (args) => {
  const ran = await runForTest(['get', '--output-watch-events', ...args])
  expect(ran).toMatchObject({ code: 2, err: expect.stringContaining('-o json or yaml') })
})

interface Watched {
  /** Waits until what was printed so far matches. */
  until(pattern: RegExp): Promise<void>
  end(): Promise<Ran>
}

function watching(args: readonly string[], kubeconfig: string): Watched {
  const stop = new AbortController()
  const printed: { out: string; look: () => void } = { out: '', look: () => undefined }
  const running = runForTest(['get', '--watch', ...args], {
    env: { KUBECONFIG: kubeconfig },
    stop: stop.signal,
    onPrint(out) {
      printed.out = out
      printed.look()
    },
  })
  return {
    until(pattern) {
      const seen = new Promise<void>((resolve) => {
        printed.look = () => void (pattern.test(printed.out) && resolve())
        printed.look()
      })
      const early = running.then(({ code, err }) => {
        throw new Error(`ended with ${code} before ${pattern}: ${err}`)
      })
      return Promise.race([seen, early])
    },
    end() {
      stop.abort()
      return running
    },
  }
}
