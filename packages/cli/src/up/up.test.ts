import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { gitRepositoryKind, kustomizationKind, type Kind } from '@weir/shared/api'
import { customResourceDefinitions } from '@weir/shared/api/schemas'
import type { ControlPlane } from '@weir/shared/control-plane'
import type { Kube, KubeObject } from '@weir/shared/kube'
import { startGitServer, testControlPlane, type GitServer } from '@weir/shared/testing'
import { connect } from '../connection/connect.ts'
import { runForTest, type Ran } from '../test-world.ts'

const definitionKind: Kind = { group: 'apiextensions.k8s.io', version: 'v1', kind: 'CustomResourceDefinition', plural: 'customresourcedefinitions', namespaced: false }
const leaseKind: Kind = { group: 'coordination.k8s.io', version: 'v1', kind: 'Lease', plural: 'leases', namespaced: true }
const deploymentKind: Kind = { group: 'apps', version: 'v1', kind: 'Deployment', plural: 'deployments', namespaced: true }
const configMapKind: Kind = { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true }
const namespace = 'flux-system'

interface Running {
  /** Resolves when the pattern was printed. */
  until(pattern: RegExp): Promise<void>
  stop(): Promise<Ran>
}

/** `weir up` in this process, until it is stopped as Ctrl-C would. */
function startUp(args: readonly string[], env: Readonly<Record<string, string | undefined>> = {}): Running {
  const stop = new AbortController()
  const state = { out: '', listeners: new Set<() => void>() }
  const onPrint = (out: string): void => {
    state.out = out
    for (const listener of state.listeners) listener()
  }
  const ended = runForTest(['up', ...args], { stop: stop.signal, env, onPrint })
  return {
    until: (pattern) =>
      new Promise((resolve, reject) => {
        const check = (): void => void (pattern.test(state.out) && resolve())
        state.listeners.add(check)
        check()
        void ended.then(({ code, out, err }) => reject(new Error(`ended with ${code}: ${out}${err}`)))
      }),
    stop() {
      stop.abort()
      return ended
    },
  }
}

describe('weir up with a given cluster', () => {
  let cluster: ControlPlane
  let kube: Kube

  beforeEach(async () => {
    cluster = await testControlPlane({ fleet: 'api', fresh: true })
    kube = (await connect({ kubeconfig: cluster.kubeconfig() })).kube
  })

  afterEach(async () => {
    await kube.close()
    await cluster.stop()
  })

  const given = (): readonly string[] => ['--kubeconfig', cluster.kubeconfig()]
  const definitions = async (): Promise<readonly KubeObject[]> => (await kube.list(definitionKind)).items
  const holder = async (controller: string): Promise<unknown> =>
    (await kube.get({ resource: leaseKind, namespace, name: `${controller}-leader-election` }))?.spec

  async function createDeployment(labels: Readonly<Record<string, string>>, replicas: number): Promise<void> {
    const template = { metadata: { labels: { app: 'x' } }, spec: { containers: [{ name: 'manager', image: 'x' }] } }
    await kube.create(deploymentKind, { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'other', namespace, labels }, spec: { replicas, selector: { matchLabels: { app: 'x' } }, template } })
  }

  it.each([
    ['of Flux', { 'app.kubernetes.io/part-of': 'flux' }],
    ['of Weir', { 'app.kubernetes.io/component': 'kustomize-controller' }],
  ])('refuses where controllers %s run, and changes nothing', async (_, labels) => {
    await createDeployment(labels, 1)
    const ran = await runForTest(['up', ...given()])
    expect(ran.code).toBe(4)
    expect(ran.out).toMatch(new RegExp(`^Cluster ${cluster.url}, context \\S+\n$`))
    expect(ran.err).toMatch(/Deployment flux-system\/other[^]*--beside/)
    expect(await definitions()).toEqual([])
    expect((await kube.list(leaseKind, { namespace })).items).toEqual([])
  })

  it('looks after the cluster: definitions, leases, objects; and leaves when stopped', async () => {
    await createDeployment({ 'app.kubernetes.io/part-of': 'flux' }, 0) // scaled to zero: nobody
    const [first] = customResourceDefinitions()
    await kube.create(definitionKind, { ...first, metadata: { ...first?.metadata, annotations: { mine: 'yes' } } })
    const before = await definitions()
    await using git = disposable(await startGitServer())
    const repository = await git.server.createRepository('fleet', { 'cm.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: default}\ndata: {a: b}\n' })

    const up = startUp(given())
    await up.until(/Weir is ready/)
    await kube.create(gitRepositoryKind, { apiVersion: 'source.toolkit.fluxcd.io/v1', kind: 'GitRepository', metadata: { name: 'fleet', namespace }, spec: { url: repository.url, interval: '1h', ref: { branch: 'main' } } })
    await kube.create(kustomizationKind, {
      apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
      kind: 'Kustomization',
      metadata: { name: 'apps', namespace },
      spec: { interval: '1h', prune: true, sourceRef: { kind: 'GitRepository', name: 'fleet' } },
    })
    await up.until(/GitRepository\/flux-system\/fleet +ready +main@sha1:/)
    await up.until(/Kustomization\/flux-system\/apps +ready +main@sha1:/)
    expect(await kube.get({ resource: configMapKind, namespace: 'default', name: 'settings' })).toMatchObject({ data: { a: 'b' } })
    expect(await holder('source-controller')).toMatchObject({ holderIdentity: expect.stringMatching(/.+/) })
    expect(await holder('kustomize-controller')).toMatchObject({ holderIdentity: expect.stringMatching(/.+/) })

    // A second one sees the leases.
    expect(await runForTest(['up', ...given()])).toMatchObject({ code: 4, err: expect.stringMatching(/Lease flux-system\/kustomize-controller-leader-election, held by/) })

    const { code, out, err } = await up.stop()
    expect({ code, err: err.replace(/^The log .*\n/, '') }).toEqual({ code: 0, err: '' })
    expect(out).toMatch(/^Left as they are: /m)
    expect(existsSync(/log of the controllers is (.*)\/weir\.log/.exec(err)?.[1] ?? '/')).toBe(false)
    // The one that was there is as it was, the other was created, and both stay.
    const after = await definitions()
    expect(after).toHaveLength(customResourceDefinitions().length)
    expect(after.find(({ metadata }) => metadata.name === before[0]?.metadata.name)).toMatchObject({ metadata: { generation: 1, annotations: { mine: 'yes' } } })
    expect(await holder('source-controller')).not.toMatchObject({ holderIdentity: expect.stringMatching(/.+/) })
  })

  it('runs beside others when told: who holds the lease works', async () => {
    await createDeployment({ 'app.kubernetes.io/part-of': 'flux' }, 1)
    const renewTime = new Date().toISOString().replace('Z', '000Z')
    for (const controller of ['source-controller', 'kustomize-controller']) {
      const metadata = { name: `${controller}-leader-election`, namespace }
      await kube.create(leaseKind, { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec: { holderIdentity: 'flux', leaseDurationSeconds: 3600, renewTime, acquireTime: renewTime } })
    }
    const up = startUp([...given(), '--beside'])
    await up.until(/Weir is ready/)
    expect(await holder('source-controller')).toMatchObject({ holderIdentity: 'flux' })
    expect(await up.stop()).toMatchObject({ code: 0 })
    expect(await holder('source-controller')).toMatchObject({ holderIdentity: 'flux' })
  })

  it('passes a mistake in the flags of the controllers on as one of usage', async () => {
    expect(await runForTest(['up', ...given(), '--', '--nope'])).toMatchObject({ code: 2, err: expect.stringContaining('unknown flag: --nope') })
  })

  it('keeps the log, and nothing else of its folder, when a controller fails', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const address = `127.0.0.1:${(taken.address() as AddressInfo).port}`
    const { code, err } = await runForTest(['up', ...given(), '--', `--storage-addr=${address}`])
    taken.close()
    expect(code).toBe(1)
    const log = /^The log of the controllers stays: (.*)$/m.exec(err)?.[1] ?? ''
    expect(readFileSync(log, 'utf8')).toContain('process cannot go on')
    expect(readdirSync(dirname(log))).toEqual(['weir.log'])
    rmSync(dirname(log), { recursive: true })
  })

  it('says so where the definition that is there is another version', async () => {
    const [first] = customResourceDefinitions()
    const versions = first?.spec.versions.map((version) => ({ ...version, name: 'v1beta9' }))
    await kube.create(definitionKind, { ...first, spec: { ...first?.spec, versions } })
    expect(await runForTest(['up', ...given()])).toMatchObject({ code: 1, err: expect.stringContaining('does not serve v1') })
  })
})

describe('weir up with a cluster of its own', () => {
  let git: GitServer

  beforeAll(async () => {
    git = await startGitServer()
  })

  afterAll(() => git.close())

  it('starts one, says how to use it, and leaves nothing behind after Ctrl-C', async () => {
    const args = ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, '../main.ts'), 'up', '--', '--log-level=debug']
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true })
    const text: string[] = []
    const { promise: ready, resolve, reject } = Promise.withResolvers<void>()
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        text.push(chunk)
        if (text.join('').includes('Weir is ready')) resolve()
      })
    }
    child.on('exit', (code) => reject(new Error(`ended with ${code}: ${text.join('')}`)))
    await ready
    const kubeconfig = /export KUBECONFIG=(\S+)/.exec(text.join(''))?.[1] ?? ''
    const repository = await git.createRepository('fleet', { 'a.txt': 'a' })
    const { kube } = await connect({ kubeconfig })
    const metadata = { name: 'fleet', namespace: 'default' }
    await kube.create(gitRepositoryKind, { apiVersion: 'source.toolkit.fluxcd.io/v1', kind: 'GitRepository', metadata, spec: { url: repository.url, interval: '1h', ref: { branch: 'main' } } })
    await shows(text, /GitRepository\/default\/fleet +ready/)
    expect(await runForTest(['get', '--kubeconfig', kubeconfig])).toMatchObject({ code: 0, out: expect.stringMatching(/GitRepository\/fleet +True/) })
    await kube.close()

    process.kill(-(child.pid ?? 0), 'SIGINT') // as a terminal does: to all of the group
    const [code] = (await once(child, 'close')) as [number | null]
    expect(code).toBe(0)
    expect(existsSync(join(kubeconfig, '..', '..'))).toBe(false)
    expect(await runForTest(['get'], { env: { KUBECONFIG: kubeconfig } })).toMatchObject({ code: 3 })
  })
})

async function shows(text: readonly string[], pattern: RegExp): Promise<void> {
  while (!pattern.test(text.join(''))) await new Promise((resolve) => setTimeout(resolve, 50))
}

function disposable(server: GitServer): AsyncDisposable & { readonly server: GitServer } {
  return { server, [Symbol.asyncDispose]: () => server.close() }
}
