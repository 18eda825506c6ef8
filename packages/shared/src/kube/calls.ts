import type { Kind } from '@weir/shared/api'
import { fieldAt } from '@weir/shared/manifest'
import { call, type Caller } from './connection/connection.ts'
import { collectionPath, objectPath, showTarget, withQuery } from './connection/paths.ts'
import { KubeError } from './kube-error.ts'
import type { ApplyOptions, DeleteOptions, GetOptions, PatchOptions, WriteOptions } from './kube.ts'
import { normalise } from './normalise.ts'
import type { KubeObject, Target } from './objects.ts'

/** A server that knows no metadata-only form answers with the whole. */
export const metadataAccept = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json'

export async function get(caller: Caller, target: Target, { signal, metadataOnly, ownLease }: GetOptions): Promise<KubeObject | undefined> {
  try {
    const { body } = await call(caller, {
      what: `get ${showTarget(target)}`,
      method: 'GET',
      path: objectPath(target),
      headers: acceptFor(metadataOnly),
      signal,
      ownLease,
    })
    return normalise(body, { resource: target.resource, metadataOnly })
  } catch (error) {
    if (error instanceof KubeError && error.code === 'not-found') return undefined
    throw error
  }
}

export async function create(caller: Caller, resource: Kind, { object, options }: { readonly object: object; readonly options: WriteOptions }): Promise<KubeObject> {
  const namespace = textAt(object, 'metadata', 'namespace')
  if (resource.namespaced && namespace === '') throw new KubeError('bad-request', `create ${resource.kind}: namespace is missing`)
  const name = textAt(object, 'metadata', 'name') || textAt(object, 'metadata', 'generateName')
  const { body } = await call(caller, {
    what: `create ${showTarget({ resource, namespace, name })}`,
    method: 'POST',
    path: withQuery(collectionPath(resource, namespace), writeQuery(options)),
    headers: { ...acceptFor(options.metadataOnly), 'content-type': 'application/json' },
    body: JSON.stringify(object),
    signal: options.signal,
    ownLease: options.ownLease,
  })
  return normalise(body, { resource, metadataOnly: options.metadataOnly })
}

/** JSON is YAML: an apply patch may be either. */
export async function apply(caller: Caller, target: Target, { object, options }: { readonly object: object | Buffer | string; readonly options: ApplyOptions }): Promise<KubeObject> {
  const { body } = await call(caller, {
    what: `${options.dryRun ? 'dry-run' : 'apply'} ${showTarget(target)}`,
    method: 'PATCH',
    path: withQuery(objectPath(target), { ...writeQuery(options), force: String(options.force) }),
    headers: { ...acceptFor(options.metadataOnly), 'content-type': 'application/apply-patch+yaml' },
    body: typeof object === 'string' || Buffer.isBuffer(object) ? object : JSON.stringify(object),
    signal: options.signal,
    ownLease: options.ownLease,
  })
  return normalise(body, { resource: target.resource, metadataOnly: options.metadataOnly })
}

export async function patch(caller: Caller, target: Target, options: PatchOptions): Promise<KubeObject> {
  const { body } = await call(caller, {
    what: `patch ${showTarget(target)}${options.subresource === undefined ? '' : ` ${options.subresource}`}`,
    method: 'PATCH',
    path: withQuery(objectPath(target, options.subresource), writeQuery(options)),
    headers: {
      ...acceptFor(options.metadataOnly),
      'content-type': options.type === 'json' ? 'application/json-patch+json' : 'application/merge-patch+json',
    },
    body: JSON.stringify(options.body),
    signal: options.signal,
    ownLease: options.ownLease,
  })
  return normalise(body, { resource: target.resource, metadataOnly: options.metadataOnly })
}

export async function remove(caller: Caller, target: Target, options: DeleteOptions): Promise<'deleted' | 'not-found'> {
  const { uid, resourceVersion, propagation, dryRun, signal } = options
  const preconditions = { ...(uid !== undefined && { uid }), ...(resourceVersion !== undefined && { resourceVersion }) }
  const body = {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    ...(Object.keys(preconditions).length > 0 && { preconditions }),
    ...(propagation !== undefined && { propagationPolicy: propagation }),
    ...(dryRun === true && { dryRun: ['All'] }),
  }
  try {
    await call(caller, {
      what: `delete ${showTarget(target)}`,
      method: 'DELETE',
      path: objectPath(target),
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal,
    })
    return 'deleted'
  } catch (error) {
    if (error instanceof KubeError && error.code === 'not-found') return 'not-found'
    throw error
  }
}

function acceptFor(metadataOnly: boolean | undefined): { readonly accept?: string } {
  return metadataOnly === true ? { accept: metadataAccept } : {}
}

/**
 * Unknown fields are refused by an apply itself, and pruned elsewhere. What the server's own default adds are warnings that nobody reads, for
 * which it parses the body once more: a fifth of an apply of a Deployment.
 */
function writeQuery({ manager, dryRun }: WriteOptions): Readonly<Record<string, string | undefined>> {
  return { fieldManager: manager, dryRun: dryRun === true ? 'All' : undefined, fieldValidation: 'Ignore' }
}

function textAt(object: object, ...path: readonly string[]): string {
  const value = fieldAt(object, ...path)
  return typeof value === 'string' ? value : ''
}
