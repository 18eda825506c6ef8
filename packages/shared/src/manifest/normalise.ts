import { fieldAt, isFields } from './object.ts'
import type { Fields, KubeObject } from './object.ts'

/**
 * The object as it is sent: nothing in it that the API server would take as ours by mistake or that no apply can own.
 * What was declared stays as declared; unlike Flux, no zero values of Go types are added and no unknown field is dropped.
 */
export function normalise(object: KubeObject): KubeObject {
  const bare = withoutServerFields(object)
  if (isCore(bare, 'Secret')) return withEncodedData(bare)
  if (isCore(bare, 'Service')) return withServiceProtocols(bare)
  if (isDefinition(bare)) return withoutBrokenCaBundle(bare)
  return isWorkload(bare) ? withPlaces(withContainerProtocols(bare)) : bare
}

const serverFields: ReadonlySet<string> = new Set(['creationTimestamp', 'managedFields', 'resourceVersion', 'uid', 'generation', 'selfLink', 'deletionTimestamp'])

function withoutServerFields(object: KubeObject): KubeObject {
  const metadata = without(object.metadata, (key, value) => serverFields.has(key) || value === null)
  const bare = isDefinition(object) ? object : without(object, (key) => key === 'status')
  return { ...bare, metadata }
}

/** `stringData` is write-only: whoever applies it owns a field that never exists and drifts for ever. */
function withEncodedData(secret: KubeObject): KubeObject {
  const { stringData } = secret
  if (stringData === undefined) return secret
  const rest = without(secret, (key) => key === 'stringData')
  if (!isFields(stringData)) return rest
  const encoded = Object.entries(stringData).map(([key, value]) => [key, typeof value === 'string' ? Buffer.from(value).toString('base64') : value])
  return { ...rest, data: { ...(isFields(rest.data) ? rest.data : {}), ...Object.fromEntries(encoded) } }
}

function withServiceProtocols(service: KubeObject): KubeObject {
  const { spec } = service
  return isFields(spec) && Array.isArray(spec['ports']) ? { ...service, spec: { ...spec, ports: spec['ports'].map(withProtocol) } } : service
}

/** `protocol` is a key of the port lists: without it the API server cannot merge two entries of one port. */
function withProtocol(port: unknown): unknown {
  return isFields(port) && (port['protocol'] === undefined || port['protocol'] === '') ? { ...port, protocol: 'TCP' } : port
}

const templatePaths: ReadonlyMap<string, readonly string[]> = new Map([
  ['/Pod', ['spec']],
  ['/ReplicationController', ['spec', 'template', 'spec']],
  ['apps/Deployment', ['spec', 'template', 'spec']],
  ['apps/StatefulSet', ['spec', 'template', 'spec']],
  ['apps/DaemonSet', ['spec', 'template', 'spec']],
  ['apps/ReplicaSet', ['spec', 'template', 'spec']],
  ['batch/Job', ['spec', 'template', 'spec']],
  ['batch/CronJob', ['spec', 'jobTemplate', 'spec', 'template', 'spec']],
])

const isWorkload = (object: KubeObject): boolean => templatePaths.has(typeKey(object))

function withContainerProtocols(workload: KubeObject): KubeObject {
  const path = templatePaths.get(typeKey(workload)) ?? []
  const containers = fieldAt(workload, ...path, 'containers')
  if (!Array.isArray(containers)) return workload
  const filled = containers.map((container: unknown) =>
    isFields(container) && Array.isArray(container['ports']) ? { ...container, ports: container['ports'].map(withProtocol) } : container,
  )
  return replaceAt(workload, [...path, 'containers'], filled)
}

/**
 * Empty structs that Flux sends, and below which the API server wrote something when the object was created: the labels of a Job's pods, the
 * requests of a Pod under a LimitRange. Nobody owns what it wrote, so it would go with the struct, which an apply without it takes away; and as
 * neither may change, every such apply of what Flux installed would be refused (docs/adr/0011).
 */
function withPlaces(workload: KubeObject): KubeObject {
  const template = fieldAt(workload, 'spec', 'template')
  if (typeKey(workload) === 'batch/Job' && isFields(template) && template['metadata'] === undefined) return replaceAt(workload, ['spec', 'template', 'metadata'], {})
  if (typeKey(workload) !== '/Pod') return workload
  return ['containers', 'initContainers'].reduce((pod, list) => {
    const containers = fieldAt(pod, 'spec', list)
    return Array.isArray(containers) ? replaceAt(pod, ['spec', list], containers.map(withResources)) : pod
  }, workload)
}

function withResources(container: unknown): unknown {
  return isFields(container) && container['resources'] === undefined ? { ...container, resources: {} } : container
}

function replaceAt<T extends Fields>(fields: T, [head, ...rest]: readonly string[], replacement: unknown): T {
  if (head === undefined) return fields
  if (rest.length === 0) return { ...fields, [head]: replacement }
  const below = fields[head]
  return isFields(below) ? { ...fields, [head]: replaceAt(below, rest, replacement) } : fields
}

/** A conversion webhook's bundle that is no PEM is a place-holder for an injector; the API server would refuse it. */
function withoutBrokenCaBundle(definition: KubeObject): KubeObject {
  const path = ['spec', 'conversion', 'webhook', 'clientConfig']
  const config = fieldAt(definition, ...path)
  if (!isFields(config) || config['caBundle'] === undefined || isPem(config['caBundle'])) return definition
  return replaceAt(definition, path, without(config, (key) => key === 'caBundle'))
}

function isPem(bundle: unknown): boolean {
  if (typeof bundle !== 'string') return false
  const text = Buffer.from(bundle, 'base64').toString('latin1')
  return /-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----/.test(text)
}

const isCore = (object: KubeObject, kind: string): boolean => object.apiVersion === 'v1' && object.kind === kind
const isDefinition = (object: KubeObject): boolean => typeKey(object) === 'apiextensions.k8s.io/CustomResourceDefinition'

function typeKey(object: KubeObject): string {
  const slash = object.apiVersion.indexOf('/')
  return `${slash < 0 ? '' : object.apiVersion.slice(0, slash)}/${object.kind}`
}

/** For fields that the type does not promise: what is left is still a T. */
function without<T extends object>(fields: T, drop: (key: string, value: unknown) => boolean): T {
  return Object.fromEntries(Object.entries(fields).filter(([key, value]) => !drop(key, value))) as T
}
