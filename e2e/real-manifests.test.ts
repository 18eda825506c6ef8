import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
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

/** Folders of the fixtures with a kustomization file, and what becomes of each. */
const served = {
  podinfo: ['kustomize', ...['backend', 'cache', 'database', 'frontend'].map((base) => `deploy/bases/${base}`), ...['dev', 'production', 'staging'].map((overlay) => `deploy/overlays/${overlay}`)],
  'metrics-server': ['manifests/base', ...['test', 'test-ha', 'release-ha-1.21+', 'release'].map((overlay) => `manifests/overlays/${overlay}`)],
}
/** `policy/v1beta1` is gone from the server. */
const notServed = ['metrics-server/manifests/overlays/release-ha']
/** Components are parts of an overlay and build nothing by themselves; the fleet's kinds are Helm's and others that no server here has. */
const buildOnly = /^(fleet-example|metrics-server\/manifests\/components)\//

suite(`the fixtures${because}`, () => {
  it('are all applied, or said not to be', async () => {
    const entries = await readdir(fixtures, { recursive: true, withFileTypes: true })
    const files = entries.filter(({ name }) => ['kustomization.yaml', 'kustomization.yml', 'Kustomization'].includes(name))
    const folders = files.map(({ parentPath }) => path.relative(fixtures, parentPath)).filter((folder) => !buildOnly.test(folder))
    const known = Object.entries(served).flatMap(([repository, paths]) => paths.map((folder) => `${repository}/${folder}`))
    expect(folders.toSorted()).toEqual([...known, ...notServed].toSorted())
  })
})

/** Only the overlay's own claim may take it: others wait for a volume, too, and the server gives it to any of them. */
async function createVolume(kube: Kube, overlay: string): Promise<void> {
  const name = `volume-${overlay}`
  const claimRef = { namespace: overlay, name: 'database-primary' }
  const spec = { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: `/tmp/${name}` }, claimRef }
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

  it.each(served.podinfo.filter((folder) => !folder.includes('overlays')))('%s, into a namespace that the Kustomization names', async (folder) => {
    const name = `into-${path.basename(folder)}`
    await Promise.all([applyAs(flow.platform.kube, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }), reference.createNamespace(name)])
    await applied(name, { path: `./${folder}`, targetNamespace: name, wait: folder === 'kustomize' }) // the bases need their overlay to run
    const overlay = path.join(work, 'podinfo', name)
    await mkdir(overlay)
    await writeFile(path.join(overlay, 'kustomization.yaml'), `namespace: ${name}\nresources: [../${folder}]\n`)
    const theirs = await reference.apply('-k', overlay)
    expect(await compareWith(reference, flow.platform.kube, { name, theirs })).toEqual([])
    expect(theirs.length).toBeGreaterThan(2)
  })

  it.each(served.podinfo.filter((folder) => folder.includes('overlays')))('%s, waiting until all of it runs', async (folder) => {
    const overlay = path.basename(folder)
    await createVolume(flow.platform.kube, overlay)
    await applied(overlay, { path: `./${folder}` })
    const theirs = await reference.apply('-k', path.join(work, 'podinfo', folder))
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

  // One Kustomization that moves from folder to folder, as kubectl does on its server: the last is the release.
  it.each(served['metrics-server'])('%s, as kubectl applies it', async (folder) => {
    const { kube } = flow.platform
    await applyAs(kube, kustomizationOf('release', repository.named, { path: `./${folder}` }))
    await untilApplied(kube, { namespace, name: 'release' }, await repository.remote.resolve('main'))
    const theirs = await reference.apply('-k', path.join(fixtures, 'metrics-server', folder))
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
