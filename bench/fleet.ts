import { apiVersionOf, gitRepositoryKind, kustomizationKind, type Kind, type KustomizationSpec } from '@weir/shared/api'
import { dumpYaml, type KubeObject } from '@weir/shared/manifest'

/**
 * - `plain`: a folder an app, with its manifests as they are
 * - `overlay`: a folder an app over one common base: name, labels, image, a patch and a generator
 * - `shared`: one folder for all, with variables
 *
 * All three build the same objects, so they share one limit.
 */
export const shapes = ['plain', 'overlay', 'shared'] as const
export type Shape = (typeof shapes)[number]

/** The upgrade differs in the data of every ConfigMap and an annotation of every pod template. */
export type Release = 'first' | 'second'

export const ownNamespace = 'flux-system'
export const appsNamespace = 'apps'
export const sourceName = 'fleet'

const image = 'registry.example.com/web'
const versions: Readonly<Record<Release, string>> = { first: '1.0.0', second: '1.0.1' }

const core = (kind: string, plural: string): Kind => ({ group: '', version: 'v1', kind, plural, namespaced: true })
export const configMapKind = core('ConfigMap', 'configmaps')
export const serviceAccountKind = core('ServiceAccount', 'serviceaccounts')
export const serviceKind = core('Service', 'services')
export const deploymentKind: Kind = { group: 'apps', version: 'v1', kind: 'Deployment', plural: 'deployments', namespaced: true }

/** What every app is made of, in the order in which it is applied. */
export const appKinds: readonly Kind[] = [serviceAccountKind, configMapKind, serviceKind, deploymentKind]

/** `app-0001`, … */
export function appNames(n: number): readonly string[] {
  return Array.from({ length: n }, (_, index) => `app-${String(index + 1).padStart(4, '0')}`)
}

/** What the cluster shall hold of an app, without owner labels. */
export function objectsOf(name: string, release: Release): readonly KubeObject[] {
  return [serviceAccount(name), configMap(name, release), service(name), deployment(name, finalDetails(release))]
}

/** All files of the fleet's repository. */
export function fleetFiles(shape: Shape, names: readonly string[], release: Release): Record<string, string> {
  switch (shape) {
    case 'plain':
      return Object.assign({}, ...names.map((name) => appFiles(shape, name, release)))
    case 'overlay':
      return Object.assign(baseFiles(), ...names.map((name) => appFiles(shape, name, release)))
    case 'shared':
      return Object.fromEntries(objectsOf('${name}', release).map((object) => [`${sharedFolder}/${fileOf(object)}`, dumpYaml(object)]))
  }
}

/** The files that belong to one app alone. */
export function appFiles(shape: Exclude<Shape, 'shared'>, name: string, release: Release): Record<string, string> {
  const folder = `apps/${name}`
  if (shape === 'plain') return Object.fromEntries(objectsOf(name, release).map((object) => [`${folder}/${fileOf(object)}`, dumpYaml(object)]))
  return { [`${folder}/kustomization.yaml`]: dumpYaml(overlay(name, release)), [`${folder}/rollout.yaml`]: dumpYaml(rolloutPatch(release)) }
}

export interface KustomizationOptions {
  /** Default `1h`. */
  readonly interval?: string
  readonly dependsOn?: readonly string[]
}

export function kustomizationOf(shape: Shape, name: string, { interval = '1h', dependsOn = [] }: KustomizationOptions = {}): KubeObject {
  const spec: KustomizationSpec = {
    interval,
    timeout: '10m',
    path: shape === 'shared' ? `./${sharedFolder}` : `./apps/${name}`,
    prune: true,
    wait: true,
    sourceRef: { kind: 'GitRepository', name: sourceName },
    ...(dependsOn.length > 0 && { dependsOn: dependsOn.map((other) => ({ name: other })) }),
    ...(shape === 'shared' && { postBuild: { substitute: { name } } }),
  }
  return { apiVersion: apiVersionOf(kustomizationKind), kind: kustomizationKind.kind, metadata: { name, namespace: ownNamespace }, spec }
}

/** The repository that all Kustomizations of a fleet read. */
export function sourceOf(url: string, interval = '1h'): KubeObject {
  return {
    apiVersion: apiVersionOf(gitRepositoryKind),
    kind: gitRepositoryKind.kind,
    metadata: { name: sourceName, namespace: ownNamespace },
    spec: { interval, timeout: '60s', url, ref: { branch: 'main' } },
  }
}

const sharedFolder = 'shared'
const containerName = 'web'

function serviceAccount(name: string): KubeObject {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: metadataOf(name), automountServiceAccountToken: false }
}

function configMap(name: string, release: Release): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: metadataOf(name), data: settingsOf(release) }
}

function settingsOf(release: Release): Record<string, string> {
  return { LOG_LEVEL: 'info', GREETING: `hello from ${versions[release]}`, UPSTREAM: 'http://backend.example.com:8080' }
}

function service(name: string): KubeObject {
  const ports = [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 'http' }]
  return { apiVersion: 'v1', kind: 'Service', metadata: metadataOf(name), spec: { clusterIP: 'None', ports, selector: { app: name } } }
}

/** What an overlay changes of the base. */
interface PodDetails {
  readonly tag: string
  readonly memory: string
  readonly annotations?: Readonly<Record<string, string>>
}

function deployment(name: string, { tag, memory, annotations }: PodDetails): KubeObject {
  const container = {
    name: containerName,
    image: `${image}:${tag}`,
    envFrom: [{ configMapRef: { name } }],
    ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }],
    readinessProbe: { httpGet: { path: '/readyz', port: 'http' } },
    resources: resourcesOf(memory),
  }
  const template = {
    metadata: { labels: { app: name }, ...(annotations && { annotations }) },
    spec: { serviceAccountName: name, containers: [container] },
  }
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: metadataOf(name), spec: { replicas: 1, selector: { matchLabels: { app: name } }, template } }
}

function finalDetails(release: Release): PodDetails {
  return { tag: '1.0.0', memory: '64Mi', annotations: rolloutOf(release) }
}

function resourcesOf(memory: string): object {
  return { limits: { memory }, requests: { cpu: '10m', memory } }
}

function rolloutOf(release: Release): Record<string, string> {
  return { 'example.com/release': versions[release] }
}

function metadataOf(name: string): KubeObject['metadata'] {
  return { name, namespace: appsNamespace, labels: { app: name } }
}

/** Each overlay adds the rest of its app's name. */
const baseName = 'app'

/** Everything but what the overlays bring: the ConfigMap, the namespace, the image's tag, resources, the rollout. */
function baseFiles(): Record<string, string> {
  const objects = [serviceAccount(baseName), service(baseName), deployment(baseName, { tag: 'latest', memory: '32Mi' })]
  const bare = objects.map((object) => ({ ...object, metadata: { name: baseName, labels: object.metadata.labels } }))
  const kustomization = { apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization', resources: bare.map(fileOf) }
  return Object.fromEntries([...bare, kustomization].map((object) => [`base/${fileOf(object)}`, dumpYaml(object)]))
}

function overlay(name: string, release: Release): object {
  return {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    namespace: appsNamespace,
    nameSuffix: name.slice(baseName.length),
    resources: ['../../base'],
    labels: [{ pairs: { app: name }, includeSelectors: true }],
    images: [{ name: image, newTag: finalDetails(release).tag }],
    configMapGenerator: [
      {
        name: baseName,
        literals: Object.entries(settingsOf(release)).map(([key, value]) => `${key}=${value}`),
        // One object an app in every shape: a name with a digest would add a deletion to each upgrade.
        options: { disableNameSuffixHash: true },
      },
    ],
    patches: [{ path: 'rollout.yaml' }],
  }
}

/** A strategic merge patch: the container is found by its name. */
function rolloutPatch(release: Release): object {
  const { memory, annotations } = finalDetails(release)
  const template = { metadata: { annotations }, spec: { containers: [{ name: containerName, resources: resourcesOf(memory) }] } }
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: baseName }, spec: { template } }
}

function fileOf({ kind }: { readonly kind: string }): string {
  return `${kind.toLowerCase()}.yaml`
}
