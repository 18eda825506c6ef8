import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { gitRepositoryKind, kustomizationKind, type Kind } from '@weir/shared/api'
import type { ControlPlane } from '@weir/shared/control-plane'
import type { Kube, KubeObject } from '@weir/shared/kube'
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
      const stop = new AbortController()
      const seen: string[] = []
      const waiting = new Map<RegExp, () => void>()
      const until = (pattern: RegExp): Promise<void> =>
        new Promise((resolve) => {
          if (pattern.test(seen.join(''))) resolve()
          else waiting.set(pattern, resolve)
        })
      const onPrint = (out: string): void => {
        seen.splice(0, seen.length, out)
        for (const [pattern, resolve] of waiting) if (pattern.test(out)) resolve()
      }
      const running = get(['--watch', '-n', 'weir-system'], { stop: stop.signal, onPrint })
      await until(/Kustomization\/apps .*no controller/)
      await setStatus(kustomizationKind, 'apps', { namespace: 'weir-system', status: { lastAppliedRevision: 'main@sha1:cd', conditions: [ready('True', 'Applied')] } })
      await until(/Kustomization\/apps +True +main@sha1:cd .*Applied/)
      // Nothing that is shown changes: no line.
      await setStatus(kustomizationKind, 'apps', { namespace: 'weir-system', status: { lastHandledReconcileAt: 'x' } })
      await kube.delete({ resource: kustomizationKind, namespace: 'weir-system', name: 'apps' })
      await until(/deleted/)
      stop.abort()
      const { code, out } = await running
      expect(code).toBe(0)
      expect(out.split('\n').filter((line) => line.includes('Kustomization/apps'))).toHaveLength(3)
    })
  })
})
