import { kustomizationKind, type Kind, type Kustomization } from '@weir/shared/api'
import type { Kube, KubeObject } from '@weir/shared/kube'
import { expectStatus } from '@weir/shared/testing'
import { readyOf } from '../fleet.ts'
import { namespace } from '../flow.ts'
import { showName, type AuditName } from '../invariants.ts'
import { appsNamespace, declaredBy, type App } from './apps.ts'

export async function listKustomizations(kube: Kube): Promise<readonly Kustomization[]> {
  return (await kube.list(kustomizationKind, { namespace })).items as readonly KubeObject[] as readonly Kustomization[]
}

export function isReady(object: Kustomization): boolean {
  return readyOf(object)?.status === 'True' && object.status?.observedGeneration === object.metadata.generation
}

/** `main@sha1:…` to the commit. */
export function appliedCommit(object: Kustomization): string {
  return (object.status?.lastAppliedRevision ?? '').replace(/^.*:/, '')
}

/** Apps that are not ready at the last commit of their repository, and what their Kustomizations say; none is how it should be. */
export function notSettled(objects: readonly Kustomization[], apps: readonly App[], last: ReadonlyMap<string, string>): readonly string[] {
  const found = new Map(objects.map((object) => [object.metadata.name, object]))
  return apps.flatMap(({ name, repository }) => {
    const object = found.get(name)
    if (object === undefined) return [`${name}: no Kustomization`]
    if (isReady(object) && appliedCommit(object) === last.get(repository)) return []
    const ready = readyOf(object)
    return [`${name}: Ready ${ready?.status ?? 'unset'} (${ready?.reason ?? ''}) at ${appliedCommit(object)}: ${ready?.message ?? ''}`]
  })
}

/** Statuses that break a rule of all. */
export function wrongStatuses(objects: readonly Kustomization[]): readonly string[] {
  return objects.flatMap((object) => {
    try {
      expectStatus(object)
      return []
    } catch (error) {
      return [error instanceof Error ? error.message : String(error)]
    }
  })
}

const kinds: readonly Kind[] = [
  { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true },
  { group: '', version: 'v1', kind: 'ServiceAccount', plural: 'serviceaccounts', namespaced: true },
  { group: 'apps', version: 'v1', kind: 'Deployment', plural: 'deployments', namespaced: true },
]

/** How what is in the cluster differs from what the apps declare: too much, too little, or another value. */
export async function differences(kube: Kube, apps: readonly App[]): Promise<readonly string[]> {
  const lists = await Promise.all(kinds.map(async (kind) => (await kube.list(kind, { namespace: appsNamespace })).items.map((object) => ({ kind, object }))))
  const live = lists.flat().filter(({ object }) => object.metadata.name.startsWith('app-'))
  const nameOf = ({ kind, object }: (typeof live)[number]): AuditName => ({ group: kind.group, resource: kind.plural, namespace: appsNamespace, name: object.metadata.name })
  const found = new Set(live.map((each) => showName(nameOf(each))))
  const declared = new Set(apps.flatMap((app) => declaredBy(app)).map(showName))
  const values = new Map(live.map(({ object }) => [object.metadata.name, JSON.stringify(object['data'])]))
  return [
    ...[...found].filter((name) => !declared.has(name)).map((name) => `${name} is there, but nobody declares it`),
    ...[...declared].filter((name) => !found.has(name)).map((name) => `${name} is declared, but not there`),
    ...apps.filter(({ name, value }) => values.get(`${name}-settings`) !== JSON.stringify({ value: String(value) })).map(({ name, value }) => `${name}-settings is not at ${value}: ${values.get(`${name}-settings`)}`),
  ]
}
