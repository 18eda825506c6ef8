import type { KubeObject } from '@weir/shared/kube'
import type { AuditName } from '../invariants.ts'
import { kustomizationOf } from '../flow.ts'

/** Where the apps live; their Kustomizations live in the namespace of all flows. */
export const appsNamespace = 'soak'
export const repositoryNames = ['one', 'two', 'three'] as const

/** What an app is at one moment, in Git and in the cluster. Changed by `life.ts` alone. */
export interface App {
  readonly name: string
  readonly repository: string
  /** With a Deployment: its Kustomization waits until that has rolled. */
  readonly rolls: boolean
  value: number
  /** Has a second ConfigMap, whose file comes and goes. */
  hasExtra: boolean
  /** Names a file that was forgotten: cannot be built. */
  isBroken: boolean
  /** Its Kustomization was deleted. */
  isGone: boolean
}

export function createApps(count: number): readonly App[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `app-${String(index + 1).padStart(3, '0')}`,
    repository: repositoryNames[index % repositoryNames.length] ?? '',
    rolls: index % 10 === 0,
    value: 0,
    hasExtra: index % 2 === 0,
    isBroken: false,
    isGone: false,
  }))
}

/** Files of one app, over a base that its repository's apps share; undefined deletes one. */
export function filesOf({ name, rolls, value, hasExtra, isBroken }: App): Readonly<Record<string, string | undefined>> {
  const kustomization = {
    namePrefix: `${name}-`,
    namespace: appsNamespace,
    resources: [rolls ? '../../base/rolling' : '../../base/plain', ...(hasExtra ? ['extra.yaml'] : []), ...(isBroken ? ['forgotten.yaml'] : [])],
    configMapGenerator: [{ name: 'settings', literals: [`value=${value}`], options: { disableNameSuffixHash: true } }],
  }
  const extra: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'extra' }, data: { of: '${owner}' } }
  return { [`apps/${name}/kustomization.yaml`]: JSON.stringify(kustomization), [`apps/${name}/extra.yaml`]: hasExtra ? JSON.stringify(extra) : undefined }
}

/** What all apps of a repository are made from; another release changes an annotation of each. */
export function baseFiles(release: number): Readonly<Record<string, string>> {
  const metadata = { name: 'web', annotations: { 'example.com/release': String(release) } }
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata }
  const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'registry.example.com/web:1' }] } }
  const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, spec: { replicas: 1, revisionHistoryLimit: 1, selector: { matchLabels: { app: 'web' } }, template } }
  return {
    'base/plain/kustomization.yaml': JSON.stringify({ resources: ['account.yaml'] }),
    'base/plain/account.yaml': JSON.stringify(account),
    'base/rolling/kustomization.yaml': JSON.stringify({ resources: ['../plain', 'deployment.yaml'] }),
    'base/rolling/deployment.yaml': JSON.stringify(deployment),
  }
}

/** Intervals as people set them; the fallback after a lost event is therefore minutes away. */
export function kustomizationFor({ name, repository, rolls }: App, namespace: string): KubeObject {
  return kustomizationOf(name, { namespace, name: repository }, { path: `./apps/${name}`, interval: '5m', retryInterval: '10s', timeout: '1m', wait: rolls, postBuild: { substitute: { owner: name } } })
}

/** As the audit log names them. */
export function declaredBy({ name, rolls, hasExtra, isGone }: App): readonly AuditName[] {
  const named = (group: string, resource: string, suffix: string): AuditName => ({ group, resource, namespace: appsNamespace, name: `${name}-${suffix}` })
  if (isGone) return []
  return [named('', 'configmaps', 'settings'), named('', 'serviceaccounts', 'web'), ...(hasExtra ? [named('', 'configmaps', 'extra')] : []), ...(rolls ? [named('apps', 'deployments', 'web')] : [])]
}
