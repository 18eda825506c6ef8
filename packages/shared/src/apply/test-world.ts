import { createKube, loadConfig } from '@weir/shared/kube'
import type { Kube, Target } from '@weir/shared/kube'
import { identify, inventoryId, showObject, showOwner } from '@weir/shared/manifest'
import type { KubeObject, Owner } from '@weir/shared/manifest'
import { quietTelemetry } from '@weir/shared/telemetry'
import { applySet } from './apply-set.ts'
import type { ApplySetOptions } from './apply-set.ts'
import { showChange } from './change.ts'
import { declareObjects } from './declare.ts'
import type { Desired } from './declare.ts'
import { toInventory } from './inventory.ts'
import { createLiveSet } from './live/live-set.ts'
import type { LiveSet } from './live/live-set.ts'
import type { LiveSetOptions } from './live/state.ts'

/** For tests of this room: one owner's view of a real API server, with every call on record. */
export interface World {
  readonly owner: Owner
  readonly kube: Kube
  readonly live: LiveSet
  /** Owners that were told of drift. */
  readonly drift: string[]
  declare(objects: readonly KubeObject[], owner?: Owner): Promise<readonly Desired[]>
  /** Declares, applies and tracks; the changes as `Kind/ns/name action`. */
  apply(objects: readonly KubeObject[], options?: Partial<ApplySetOptions>): Promise<readonly string[]>
  /** The calls since the last take, watches and discovery left out: `apply dry ConfigMap/ns/name`. */
  calls(): readonly string[]
  read(object: KubeObject): Promise<KubeObject | undefined>
  /** A merge patch by somebody else; resolves once the live set has seen it. */
  edit(object: KubeObject, body: object, options?: { readonly manager?: string; readonly status?: boolean }): Promise<void>
  target(object: KubeObject): Promise<Target>
  /** Polls until it holds; the last failure if it does not within 10 s. */
  eventually(check: () => void | Promise<void>): Promise<void>
  /** A second live set with a connection of its own: another process. */
  restart(): Promise<World>
  close(): Promise<void>
}

export async function openWorld(kubeconfig: string, owner: Owner, options: Partial<LiveSetOptions> = {}): Promise<World> {
  const telemetry = quietTelemetry()
  const raw = await createKube({ config: await loadConfig({ kubeconfig }), userAgent: 'weir-test', telemetry })
  const record: string[] = []
  const kube = counted(raw, record)
  const drift: string[] = []
  const live = createLiveSet({ kube, telemetry, onDrift: (at) => drift.push(showOwner(at)), ...options })
  live.start()
  const declare: World['declare'] = (objects, by = owner) => declareObjects(objects, { owner: by, discovery: kube.discovery })
  const target = async (object: KubeObject): Promise<Target> => {
    const { group, version, kind, namespace, name } = identify(object)
    const resource = await raw.discovery.resource({ group, version, kind })
    if (resource === undefined) throw new Error(`no ${kind}`)
    return { resource, namespace, name }
  }
  return {
    owner,
    kube,
    live,
    drift,
    declare,
    async apply(objects, over = {}) {
      const by = over.owner ?? owner
      const desired = await declare(objects, by)
      const result = await applySet({ owner: by, desired, kube, live, signal: AbortSignal.timeout(60_000), ...over })
      live.track(by, toInventory(desired.map(({ ref }) => ref)))
      return result.changes.map(showChange)
    },
    target,
    read: async (object) => raw.get(await target(object)),
    async edit(object, body, { manager = 'kubectl-edit', status = false } = {}) {
      const { metadata } = await raw.patch(await target(object), { type: 'merge', body, manager, ...(status && { subresource: 'status' }) })
      await eventually(() => {
        const entry = live.state.entries.get(inventoryId(identify(object)))
        if (entry === undefined || entry.version < Number(metadata.resourceVersion)) throw new Error('the live set has not seen it')
      })
    },
    calls: () => record.splice(0).toSorted(),
    eventually,
    restart: () => openWorld(kubeconfig, owner, options),
    async close() {
      live.close()
      await raw.close()
    },
  }
}

function counted(kube: Kube, record: string[]): Kube {
  const name = ({ resource, namespace, name: called }: Target): string => showObject({ kind: resource.kind, namespace, name: called })
  const note = (verb: string, dryRun: boolean | undefined, what: string): void => void record.push(`${verb}${dryRun === true ? ' dry' : ''} ${what}`)
  return {
    ...kube,
    get(target, options) {
      note('get', false, name(target))
      return kube.get(target, options)
    },
    list(resource, options) {
      note('list', false, resource.kind)
      return kube.list(resource, options)
    },
    create(resource, object, options) {
      note('create', options?.dryRun, resource.kind)
      return kube.create(resource, object, options)
    },
    apply(target, body, options) {
      note('apply', options.dryRun, name(target))
      return kube.apply(target, body, options)
    },
    patch(target, options) {
      note('patch', options.dryRun, name(target))
      return kube.patch(target, options)
    },
    delete(target, options) {
      note('delete', options?.dryRun, name(target))
      return kube.delete(target, options)
    },
  }
}

async function eventually(check: () => void | Promise<void>): Promise<void> {
  const end = Date.now() + 10_000
  for (;;) {
    try {
      return await check()
    } catch (error) {
      if (Date.now() > end) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** A ConfigMap with one value. */
export function configMap(namespace: string, name: string, { value = '1', ...metadata }: { value?: string; annotations?: Record<string, string>; labels?: Record<string, string> } = {}): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace, ...metadata }, data: { value } }
}

export const namespaceObject = (name: string): KubeObject => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })

export function deployment(namespace: string, name: string, image = 'registry.example/app:1'): KubeObject {
  const labels = { app: name }
  const template = { metadata: { labels }, spec: { containers: [{ name: 'app', image, ports: [{ containerPort: 80 }] }] } }
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace }, spec: { replicas: 1, selector: { matchLabels: labels }, template } }
}

/** Of a kind in example.com, with a status. */
export function definition(plural: string, kind: string, scope: 'Namespaced' | 'Cluster' = 'Namespaced'): KubeObject {
  const schema = { type: 'object', properties: { spec: { type: 'object', properties: { size: { type: 'integer', format: 'int64' } } }, status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } } }
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.example.com` },
    spec: { group: 'example.com', scope, names: { plural, kind }, versions: [{ name: 'v1', served: true, storage: true, subresources: { status: {} }, schema: { openAPIV3Schema: schema } }] },
  }
}
