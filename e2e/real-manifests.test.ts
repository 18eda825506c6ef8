import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { fieldManagers, kustomizationKind } from '@weir/shared/api'
import { startControlPlane, type ControlPlane } from '@weir/shared/control-plane'
import { kubectlBinary } from '@weir/shared/engine'
import { createKube, loadConfig, type Kube, type KubeObject } from '@weir/shared/kube'
import { inventoryId, parseApiVersion, parseInventoryId } from '@weir/shared/manifest'
import { quietTelemetry } from '@weir/shared/telemetry'
import { compareDeclared } from './declared-fields.ts'
import { applyAs, readFolder, readKustomization, readyOf, until, untilApplied, untilFailed } from './fleet.ts'
import { kustomizationOf, namespace, startFlow, type Flow, type FlowRepository } from './flow.ts'

// What nobody here wrote, applied through Git by our controllers and by kubectl on another server, and then compared.
const fixtures = path.join(import.meta.dirname, '../../shared/fixtures')
const present = existsSync(fixtures)
const suite = present ? describe : describe.skip
const because = present ? '' : ' (the fixtures are not beside this checkout: ../shared/fixtures)'

const exec = promisify(execFile)

/** A second server, on which kubectl does what our controllers do on the first. */
interface Reference extends AsyncDisposable {
  readonly kube: Kube
  /** Namespaces, as an administrator makes them. */
  createNamespace(name: string): Promise<void>
  /** `kubectl apply --server-side ARGS`: what it applied. */
  apply(...args: readonly string[]): Promise<readonly KubeObject[]>
}

async function startReference(): Promise<Reference> {
  const cluster: ControlPlane = await startControlPlane({ fleet: 'api' })
  const kube = await createKube({ config: await loadConfig({ kubeconfig: cluster.kubeconfig() }), userAgent: 'weir-reference', telemetry: quietTelemetry() })
  const kubectl = await kubectlBinary()
  return {
    kube,
    createNamespace: async (name) => void (await applyAs(kube, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })),
    async apply(...args) {
      const { stdout } = await exec(kubectl, ['--kubeconfig', cluster.kubeconfig(), 'apply', '--server-side', ...args, '-o', 'json'], { maxBuffer: 1 << 26 })
      const answer = JSON.parse(stdout) as KubeObject & { readonly items?: readonly KubeObject[] }
      return answer.items ?? [answer]
    },
    async [Symbol.asyncDispose]() {
      await kube.close()
      await cluster.stop()
    },
  }
}

/** Everything that differs between what a Kustomization applied here and what kubectl applied there. */
async function compareWith(reference: Reference, kube: Kube, pair: { readonly name: string; readonly theirs: readonly KubeObject[] }): Promise<readonly string[]> {
  const inventory = (await readKustomization(kube, { namespace, name: pair.name }))?.status?.inventory?.entries ?? []
  const idOf = ({ apiVersion, kind, metadata }: KubeObject): string => inventoryId({ ...parseApiVersion(apiVersion), kind, namespace: metadata.namespace ?? '', name: metadata.name })
  const ids = [inventory.map(({ id }) => id).sort(), pair.theirs.map(idOf).sort()]
  if (JSON.stringify(ids[0]) !== JSON.stringify(ids[1])) return [`inventory ${ids[0]?.join(' ')}; kubectl applied ${ids[1]?.join(' ')}`]
  const differences = inventory.map(async ({ id }) => {
    const ours = await read(kube, id)
    const theirs = await read(reference.kube, id)
    const found = compareDeclared({ object: ours, manager: fieldManagers.kustomizeApply }, { object: theirs, manager: 'kubectl' })
    return found.map((difference) => `${id} ${difference}`)
  })
  return (await Promise.all(differences)).flat()
}

async function read(kube: Kube, id: string): Promise<KubeObject> {
  const ref = parseInventoryId(id)
  const resource = ref && (await kube.discovery.resource(ref))
  const object = resource && (await kube.get({ resource, namespace: ref.namespace, name: ref.name }))
  if (object === undefined) throw new Error(`${id} is not there`)
  return object
}

async function createVolume(kube: Kube, name: string): Promise<void> {
  const spec = { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: `/tmp/${name}` } }
  await applyAs(kube, { apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name }, spec })
}

suite(`podinfo, as kubectl applies it${because}`, () => {
  let flow: Flow
  let reference: Reference
  let repository: FlowRepository
  let commit: string
  let work: string

  beforeAll(async () => {
    work = await mkdtemp(path.join(tmpdir(), 'weir-real-'))
    await cp(path.join(fixtures, 'podinfo'), path.join(work, 'podinfo'), { recursive: true })
    ;[flow, reference] = await Promise.all([startFlow({ fleet: 'full' }), startReference()])
    await Promise.all([flow.start('source-controller'), flow.start('kustomize-controller')])
    repository = await flow.repository('podinfo', { files: await readFolder(path.join(fixtures, 'podinfo')) })
    commit = await repository.remote.resolve('main')
  })
  afterAll(async () => {
    await flow?.stop()
    await reference?.[Symbol.asyncDispose]()
    await rm(work, { recursive: true, force: true })
  })

  const applied = async (name: string, spec: Readonly<Record<string, unknown>>): Promise<void> => {
    const { kube } = flow.platform
    await applyAs(kube, kustomizationOf(name, repository.named, { timeout: '2m', wait: true, ...spec }))
    await untilApplied(kube, { namespace, name }, commit, 150_000)
  }

  it('kustomize, into a namespace that the Kustomization names', async () => {
    const target = 'podinfo-target'
    await Promise.all([applyAs(flow.platform.kube, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: target } }), reference.createNamespace(target)])
    await applied('podinfo', { path: './kustomize', targetNamespace: target })
    const overlay = path.join(work, 'podinfo/target')
    await mkdir(overlay)
    await writeFile(path.join(overlay, 'kustomization.yaml'), `namespace: ${target}\nresources: [../kustomize]\n`)
    const theirs = await reference.apply('-k', overlay)
    expect(await compareWith(reference, flow.platform.kube, { name: 'podinfo', theirs })).toEqual([])
    expect(theirs).toHaveLength(3)
  })

  it.each(['dev', 'staging', 'production'])('the overlay %s, waiting until all of it runs', async (overlay) => {
    await createVolume(flow.platform.kube, `volume-${overlay}`)
    await applied(overlay, { path: `./deploy/overlays/${overlay}` })
    const theirs = await reference.apply('-k', path.join(work, 'podinfo/deploy/overlays', overlay))
    expect(await compareWith(reference, flow.platform.kube, { name: overlay, theirs })).toEqual([])
    expect(theirs.length).toBeGreaterThan(15)
  })

  it('a folder of plain manifests without a kustomization file', async () => {
    await applied('webapp', { path: './deploy/webapp' })
    await reference.createNamespace('webapp') // kubectl applies in the order of the files, and the namespace is not the first
    const theirs = await reference.apply('-R', '-f', path.join(work, 'podinfo/deploy/webapp'))
    expect(await compareWith(reference, flow.platform.kube, { name: 'webapp', theirs })).toEqual([])
  })

  it('fails naming the kinds that the server does not have', async () => {
    const { kube } = flow.platform
    await applyAs(kube, kustomizationOf('secure', repository.named, { path: './deploy/secure' }))
    const failed = await untilFailed(kube, { namespace, name: 'secure' }, 'ReconciliationFailed')
    expect(readyOf(failed)?.message).toMatch(/ClusterIssuer|Certificate/)
  })
})

suite(`metrics-server, whose APIService stays unavailable${because}`, () => {
  let flow: Flow
  let reference: Reference
  let repository: FlowRepository
  const file = 'manifests/base/kustomization.yaml'

  beforeAll(async () => {
    ;[flow, reference] = await Promise.all([startFlow({ fleet: 'api' }), startReference()])
    await Promise.all([flow.start('source-controller'), flow.start('kustomize-controller')])
    repository = await flow.repository('metrics-server', { files: await readFolder(path.join(fixtures, 'metrics-server')) })
  })
  afterAll(async () => {
    await flow?.stop()
    await reference?.[Symbol.asyncDispose]()
  })

  it('fails the overlay of an API version that the server has no more, naming the kind', async () => {
    const { kube } = flow.platform
    await applyAs(kube, kustomizationOf('release-ha', repository.named, { path: './manifests/overlays/release-ha' }))
    const failed = await untilFailed(kube, { namespace, name: 'release-ha' }, 'ReconciliationFailed')
    expect(readyOf(failed)?.message).toContain('PodDisruptionBudget')
    await kube.delete({ resource: kustomizationKind, namespace, name: 'release-ha' })
    await until('release-ha is gone', async () => ((await readKustomization(kube, { namespace, name: 'release-ha' })) === undefined ? true : undefined))
  })

  it('the release, as kubectl applies it', async () => {
    const { kube } = flow.platform
    await applyAs(kube, kustomizationOf('release', repository.named, { path: './manifests/overlays/release' }))
    await untilApplied(kube, { namespace, name: 'release' }, await repository.remote.resolve('main'))
    const theirs = await reference.apply('-k', path.join(fixtures, 'metrics-server/manifests/overlays/release'))
    expect(await compareWith(reference, kube, { name: 'release', theirs })).toEqual([])
    expect(theirs.map(({ kind }) => kind)).toContain('APIService')
  })

  it('prunes what left the release beside the unavailable API, and all of it at the end', async () => {
    const { kube } = flow.platform
    const named = { namespace, name: 'release' }
    const idsOf = async (): Promise<readonly string[]> => ((await readKustomization(kube, named))?.status?.inventory?.entries ?? []).map(({ id }) => id)
    await until('the API is known to be unavailable', async () => ((await isAvailable(kube)) === false ? true : undefined))
    const before = await idsOf()
    const base = (await readFolder(path.join(fixtures, 'metrics-server')))[file] ?? ''
    const commit = await repository.commit({ [file]: base.replace('  - rbac.yaml\n', '') })
    await untilApplied(kube, named, commit)
    const pruned = before.filter((id) => id.includes('rbac.authorization.k8s.io') || id.endsWith('__ServiceAccount'))
    expect(pruned.length).toBeGreaterThan(4)
    for (const id of pruned) await expect(read(kube, id)).rejects.toThrow('is not there')
    expect(await idsOf()).toEqual(before.filter((id) => !pruned.includes(id)))

    await kube.delete({ resource: kustomizationKind, ...named })
    await until('the release is gone', async () => ((await readKustomization(kube, named)) === undefined ? true : undefined))
    for (const id of before) await expect(read(kube, id)).rejects.toThrow('is not there')
  })
})

async function isAvailable(kube: Kube): Promise<boolean | undefined> {
  const id = '_v1beta1.metrics.k8s.io_apiregistration.k8s.io_APIService'
  const status = (await read(kube, id)).status as { readonly conditions?: readonly { readonly type: string; readonly status: string }[] } | undefined
  const available = status?.conditions?.find(({ type }) => type === 'Available')
  return available && available.status === 'True'
}
