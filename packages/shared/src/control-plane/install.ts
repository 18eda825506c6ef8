import { readFileSync } from 'node:fs'
import { createApiClient, waitUntil } from './api-client.ts'
import type { ApiClient, Answer } from './api-client.ts'
import { controllerNamespace, readKubeconfig } from './certificates/kubeconfig.ts'
import { ControlPlaneError } from './control-plane-error.ts'

/** As much of an object as an installation reads. */
export interface Installable {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string | undefined }
}

export interface InstallOptions {
  /** A file from {@link Cluster.kubeconfig}. */
  readonly kubeconfig: string
  readonly signal?: AbortSignal | undefined
}

const establishedDeadlineMs = 30_000

/**
 * Applies objects, Namespaces and definitions first, and resolves when every defined kind is served. Running it again
 * changes nothing. ControlPlaneError `install`, `aborted`.
 */
export async function installObjects(objects: readonly Installable[], { kubeconfig, signal }: InstallOptions): Promise<void> {
  const api = createApiClient(readKubeconfig(readFileSync(kubeconfig, 'utf8')))
  const first = objects.filter(({ kind }) => kind === 'Namespace' || kind === 'CustomResourceDefinition')
  const rest = objects.filter((object) => !first.includes(object))
  const paths = new Map<string, Promise<readonly ServedKind[]>>()
  const apply = (object: Installable): Promise<void> => applyObject(api, object, paths)
  try {
    await Promise.all(first.map(apply))
    await Promise.all(first.flatMap(definedKinds).map((kind) => waitUntilServed(api, kind, signal)))
    await Promise.all(rest.map(apply))
  } finally {
    api.close()
  }
}

/**
 * Makes roles the rights of one controller of the namespace weir-system: each of `roles` (ClusterRoles and Roles) with its
 * binding, and with `cluster-admin` a binding to that too.
 */
export function grantsOf(controller: string, roles: readonly Installable[], beside?: 'cluster-admin'): readonly Installable[] {
  const own = roles.flatMap((role) => {
    const placed = role.kind === 'Role' ? { ...role, metadata: { ...role.metadata, namespace: controllerNamespace } } : role
    return [placed, bindingOf(controller, { kind: role.kind, name: role.metadata.name })]
  })
  return beside === undefined ? own : [...own, bindingOf(controller, { kind: 'ClusterRole', name: beside })]
}

/** Binds a role to a controller of the namespace weir-system. */
export function bindingOf(controller: string, role: { readonly kind: string; readonly name: string }): Installable {
  const binding = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: `${role.kind}Binding`,
    metadata: { name: `${controller}-${role.name}`, ...(role.kind === 'Role' ? { namespace: controllerNamespace } : {}) },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', ...role },
    subjects: [{ kind: 'ServiceAccount', name: controller, namespace: controllerNamespace }],
  }
  return binding
}

interface ServedKind {
  readonly name: string
  readonly kind: string
  readonly namespaced: boolean
}

async function applyObject(api: ApiClient, object: Installable, known: Map<string, Promise<readonly ServedKind[]>>): Promise<void> {
  const { apiVersion, kind, metadata } = object
  const kinds = known.get(apiVersion) ?? servedKinds(api, apiVersion)
  known.set(apiVersion, kinds)
  const served = (await kinds).find((one) => one.kind === kind && !one.name.includes('/'))
  if (served === undefined) throw new ControlPlaneError('install', `${kind} ${metadata.name}: ${apiVersion} has no such kind`)
  const namespace = served.namespaced ? `namespaces/${metadata.namespace ?? 'default'}/` : ''
  const path = `${versionPath(apiVersion)}/${namespace}${served.name}/${metadata.name}?fieldManager=weir-install&force=true`
  const { status, body } = await api.call('PATCH', path, object)
  if (status !== 200 && status !== 201) throw new ControlPlaneError('install', `${kind} ${metadata.name}: HTTP ${status} ${messageOf(body)}`)
}

async function servedKinds(api: ApiClient, apiVersion: string): Promise<readonly ServedKind[]> {
  const { status, body } = await api.call('GET', versionPath(apiVersion))
  return status === 200 ? resourcesOf(body) : []
}

function versionPath(apiVersion: string): string {
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
}

interface DefinedKind {
  readonly apiVersion: string
  readonly plural: string
}

/** The kinds that a definition brings, one for each served version. */
function definedKinds(object: Installable): readonly DefinedKind[] {
  const { spec } = object as { readonly spec?: Partial<DefinitionSpec> }
  if (object.kind !== 'CustomResourceDefinition' || spec?.group === undefined || spec.names === undefined) return []
  const { group, names } = spec
  return (spec.versions ?? []).filter(({ served }) => served).map(({ name }) => ({ apiVersion: `${group}/${name}`, plural: names.plural }))
}

interface DefinitionSpec {
  readonly group: string
  readonly names: { readonly plural: string }
  readonly versions: readonly { readonly name: string; readonly served: boolean }[]
}

/** Established comes first; a moment later discovery lists the kind, and only then does the server answer for it. */
async function waitUntilServed(api: ApiClient, { apiVersion, plural }: DefinedKind, signal: AbortSignal | undefined): Promise<void> {
  const isServed = async (): Promise<boolean> => {
    const listed = await servedKinds(api, apiVersion)
    return listed.some(({ name }) => name === plural) && (await api.call('GET', `/apis/${apiVersion}/${plural}?limit=1`)).status === 200
  }
  await waitUntil(isServed, { what: `${plural} of ${apiVersion}`, deadlineMs: establishedDeadlineMs, signal })
}

function resourcesOf(body: Answer['body']): readonly ServedKind[] {
  return (body as { readonly resources?: readonly ServedKind[] } | undefined)?.resources ?? []
}

function messageOf(body: Answer['body']): string {
  return (body as { readonly message?: string } | undefined)?.message ?? ''
}
