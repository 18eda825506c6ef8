import type { Kind } from '@weir/shared/api'
import { fieldAt } from '@weir/shared/manifest'
import { get } from '../calls.ts'
import type { Caller } from '../connection/connection.ts'
import { list } from '../list.ts'
import type { KubeObject } from '../objects.ts'
import { textAt } from './served.ts'

export const crdKind: Kind = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  namespaced: false,
}
export const apiServiceKind: Kind = {
  group: 'apiregistration.k8s.io',
  version: 'v1',
  kind: 'APIService',
  plural: 'apiservices',
  namespaced: false,
}

/** Who may define kinds, as read at one moment. */
export interface Definers {
  /** Groups that another server's APIService claims. */
  readonly claimed: ReadonlySet<string>
  /** Names of all CRDs. */
  readonly crds: readonly string[]
}

/** KubeError, also when reading is forbidden. */
export async function readDefiners(caller: Caller, signal?: AbortSignal): Promise<Definers> {
  const project = (object: KubeObject): KubeObject => object
  const [services, crds] = await Promise.all([
    list(caller, { resource: apiServiceKind, project, signal }),
    list(caller, { resource: crdKind, metadataOnly: true, managedFields: false, project: ({ metadata }) => metadata.name, signal }),
  ])
  return { claimed: new Set(services.items.filter(isRemote).map(({ spec }) => textAt(spec, 'group'))), crds: crds.items }
}

/** A local APIService is the API server's own and stays for as long as any kind of its group: it claims nothing. */
function isRemote({ spec }: KubeObject): boolean {
  return fieldAt(spec, 'service') !== undefined && fieldAt(spec, 'service') !== null
}

/** `plural.group`; a plural holds no dot. */
export function groupOfCrd(name: string): string {
  return name.slice(name.indexOf('.') + 1)
}

/** Whether a CRD defines the kind, served or not, being deleted or not. KubeError. */
export async function isDefined(caller: Caller, definers: Definers, { group, kind, signal }: { readonly group: string; readonly kind: string; readonly signal?: AbortSignal | undefined }): Promise<boolean> {
  for (const name of definers.crds.filter((one) => groupOfCrd(one) === group)) {
    const crd = await get(caller, { resource: crdKind, namespace: '', name }, signal ? { signal } : {})
    if (crd && textAt(crd, 'spec', 'names', 'kind') === kind) return true
  }
  return false
}
