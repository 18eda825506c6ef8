import { apiVersionOf, kustomizationKind } from '@weir/shared/api'
import type { KubeObject } from '@weir/shared/kube'
import type { AuditName } from '../invariants.ts'
import type { Part, Unit } from './fleet-plan.ts'

/** Where a seed's objects live. */
export interface Site {
  readonly seed: number
  readonly namespace: string
  /** The value that must be read nowhere but in Secrets. */
  readonly canary: string
}

export function siteOf(seed: number): Site {
  return { seed, namespace: `chaos-${seed}`, canary: `canary-${seed.toString(36)}-5b1e0c77` }
}

export const folderOf = (unit: Unit): string => `apps/${unit.name}`
export const repositoryName = ({ seed }: Site, index: number): string => `r${index}-${seed}`
export const widgetGroup = ({ seed }: Site, unit: Unit): string => `${unit.name}.s${seed}.chaos.weir.dev`
const roomName = ({ namespace }: Site, unit: Unit): string => `${namespace}-${unit.name}`

const json = (object: unknown): string => `${JSON.stringify(object)}\n`

/** Files below the folder of a unit by relative path, always one at least. */
export function filesOf(site: Site, unit: Unit): Readonly<Record<string, string>> {
  const objects = unit.parts.map((part) => [`${part.name}.yaml`, objectsOf(site, unit, part).map(json).join('---\n')] as const)
  const resources: Record<string, string> = { ...Object.fromEntries(objects), ...brokenFiles(site, unit) }
  const folder = Object.entries({ 'README.md': `${unit.name}\n`, ...resources, ...kustomizationFile(site, unit, Object.keys(resources)) })
  return Object.fromEntries(folder.map(([name, text]) => [`${folderOf(unit)}/${name}`, text]))
}

function kustomizationFile({ namespace }: Site, unit: Unit, files: readonly string[]): Readonly<Record<string, string>> {
  if (effectiveShape(unit) === 'plain') return {}
  const resources = [...files, ...(unit.broken === 'missing' ? ['never-committed.yaml'] : [])]
  const labels = [{ pairs: { unit: unit.name } }]
  switch (unit.shape) {
    case 'plain':
    case 'listed':
      return { 'kustomization.yaml': json({ resources }) }
    case 'overlay': {
      const patch = json({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'shared', namespace }, data: { overlaid: `by-${unit.name}` } })
      return { 'kustomization.yaml': json({ resources: ['../../base', ...resources], namePrefix: `${unit.name}-`, labels, patches: [{ patch }] }) }
    }
    case 'generator': {
      const literals = [`value=${unit.parts[0]?.value ?? 'none'}`]
      return { 'kustomization.yaml': json({ resources, generatorOptions: { labels: { unit: unit.name } }, configMapGenerator: [{ name: `${unit.name}-generated`, namespace, literals }] }) }
    }
  }
}

/** An emptied folder has no kustomization file either. */
export function effectiveShape(unit: Unit): Unit['shape'] {
  if (unit.parts.length === 0) return 'plain'
  return unit.shape === 'plain' && unit.broken === 'missing' ? 'listed' : unit.shape
}

/** The base of a repository, which every overlay of it stands on. */
export function baseFiles(site: Site, value: string): Readonly<Record<string, string>> {
  const shared = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'shared', namespace: site.namespace }, data: { value } }
  return { 'base/kustomization.yaml': json({ resources: ['shared.yaml'] }), 'base/shared.yaml': json(shared) }
}

function brokenFiles(site: Site, unit: Unit): Readonly<Record<string, string>> {
  const metadata = { name: nameIn(unit, 'broken'), namespace: site.namespace, labels: { unit: unit.name } }
  switch (unit.broken) {
    case 'yaml':
      return { 'broken.yaml': 'apiVersion: v1\nkind: [ConfigMap\n' }
    case 'refused':
      return { 'broken.yaml': json({ apiVersion: 'v1', kind: 'Service', metadata, spec: { type: 'NoSuchType', ports: [{ port: 80 }] } }) }
    case 'unhealthy':
      return { 'broken.yaml': json(deployment(metadata, brokenImage)) }
    case 'missing':
    case undefined:
      return {}
  }
}

/** The stand-in for a rollout fails a Deployment with this image. */
export const brokenImage = 'registry.invalid/broken:1'

function deployment(metadata: object, image: string): object {
  const labels = { app: 'chaos' }
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { replicas: 1, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [{ name: 'app', image }] } } } }
}

/** An overlay adds the prefix itself. */
const nameIn = (unit: Unit, name: string): string => (effectiveShape(unit) === 'overlay' ? name : `${unit.name}-${name}`)
export const forceSwitch = 'kustomize.toolkit.fluxcd.io/force'

function objectsOf(site: Site, unit: Unit, part: Part): readonly object[] {
  const labels = { unit: unit.name }
  const metadata = { name: nameIn(unit, part.name), namespace: site.namespace, labels }
  const value = unit.variable === undefined ? part.value : `${part.value}-\${v}`
  switch (part.kind) {
    case 'ConfigMap':
      return [{ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { value, [`only-${part.value}`]: 'x' } }]
    case 'Frozen':
      return [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...metadata, annotations: { [forceSwitch]: 'enabled' } }, immutable: true, data: { value } }]
    case 'Secret':
      return [{ apiVersion: 'v1', kind: 'Secret', metadata, type: 'Opaque', stringData: { value, ...(unit.variable !== undefined && { password: '${canary}' }) } }]
    case 'ServiceAccount':
      return [{ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { ...metadata, annotations: { value } } }]
    case 'Service':
      return [{ apiVersion: 'v1', kind: 'Service', metadata, spec: { selector: { value }, ports: [{ name: 'http', port: 80 }] } }]
    case 'Role':
      return [{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata, rules: [{ apiGroups: [''], resources: ['configmaps'], resourceNames: [value], verbs: ['get'] }] }]
    case 'Deployment':
      return [deployment(metadata, `registry.invalid/app:${value}`)]
    case 'Namespace': {
      const inside = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `${unit.name}-inside`, namespace: roomName(site, unit), labels }, data: { value } }
      return [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: roomName(site, unit), labels } }, inside]
    }
    case 'Widget':
      return [definition(widgetGroup(site, unit), labels), { apiVersion: `${widgetGroup(site, unit)}/v1`, kind: 'Widget', metadata, spec: { value } }]
  }
}

function definition(group: string, labels: object): object {
  const schema = { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: { value: { type: 'string' } } } } } }
  const names = { kind: 'Widget', plural: 'widgets', singular: 'widget' }
  return { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: `widgets.${group}`, labels }, spec: { group, scope: 'Namespaced', names, versions: [{ name: 'v1', served: true, storage: true, schema }] } }
}

/**
 * As the audit log names what a unit declares. Left out: what carries the force switch, since recreation deletes it, and generated names,
 * which the end state alone judges.
 */
export function declaredBy(site: Site, unit: Unit): readonly AuditName[] {
  const named = (group: string, resource: string, name: string): AuditName => ({ group, resource, namespace: site.namespace, name: `${unit.name}-${name}` })
  const of = (part: Part): readonly AuditName[] => {
    switch (part.kind) {
      case 'Frozen':
        return []
      case 'Role':
        return [named('rbac.authorization.k8s.io', 'roles', part.name)]
      case 'Deployment':
        return [named('apps', 'deployments', part.name)]
      case 'Namespace':
        return [{ group: '', resource: 'namespaces', namespace: '', name: roomName(site, unit) }, { group: '', resource: 'configmaps', namespace: roomName(site, unit), name: `${unit.name}-inside` }]
      case 'Widget':
        return [{ group: 'apiextensions.k8s.io', resource: 'customresourcedefinitions', namespace: '', name: `widgets.${widgetGroup(site, unit)}` }, named(widgetGroup(site, unit), 'widgets', part.name)]
      default:
        return [named('', `${part.kind.toLowerCase()}s`, part.name)]
    }
  }
  const shared = effectiveShape(unit) === 'overlay' ? [named('', 'configmaps', 'shared')] : []
  return [...unit.parts.flatMap(of), ...shared, ...(unit.broken === 'unhealthy' ? [named('apps', 'deployments', 'broken')] : [])]
}

/** The Kustomization of a unit. */
export function kustomizationOf(site: Site, unit: Unit): KubeObject {
  const { namespace } = site
  const substituteFrom = [{ kind: 'Secret', name: 'variables' }]
  const checked = unit.healthChecks ? unit.parts[0] : undefined
  const checks = checked && [{ apiVersion: 'v1', kind: checked.kind, name: `${unit.name}-${checked.name}`, namespace }]
  return {
    apiVersion: apiVersionOf(kustomizationKind),
    kind: 'Kustomization',
    metadata: { name: unit.name, namespace, ...(unit.allowEmpty && { annotations: { 'weir.dev/allow-empty': 'true' } }) },
    spec: {
      interval: '1h',
      retryInterval: '1s',
      timeout: '30s',
      path: `./${folderOf(unit)}`,
      prune: unit.prune,
      wait: unit.wait,
      suspend: unit.suspend,
      sourceRef: { kind: 'GitRepository', name: repositoryName(site, unit.repository) },
      ...(unit.dependsOn.length > 0 && { dependsOn: unit.dependsOn.map((name) => ({ name })) }),
      ...(unit.variable !== undefined && { postBuild: { substitute: { v: unit.variable }, substituteFrom } }),
      ...(unit.common !== undefined && { commonMetadata: { labels: { common: unit.common } } }),
      ...(checks && { healthChecks: checks }),
    },
  }
}
