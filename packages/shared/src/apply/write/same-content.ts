import { isDeepStrictEqual } from 'node:util'
import { KubeError, type KubeObject } from '@weir/shared/kube'
import type { Subject, Writing } from './writing.ts'

/**
 * Whether a write changed nothing but who owns which field: what the object was at `before`, a resourceVersion, against what it is. Flux sends
 * zero values that we do not, so the first apply after a take-over takes them out of the entry of managedFields and changes no object
 * (docs/adr/0011). Two calls, for such objects alone. A moment that the server has forgotten, or an object that is gone, counts as changed.
 */
export async function hasSameContent({ kube, limit }: Writing, { target }: Subject, { before, signal }: { readonly before: number; readonly signal: AbortSignal }): Promise<boolean> {
  const { resource, namespace, name } = target
  try {
    const within = resource.namespaced ? { namespace } : {}
    const [was] = (await limit(() => kube.list(resource, { ...within, fieldSelector: `metadata.name=${name}`, at: String(before), signal }))).items
    const is = await limit(() => kube.get(target, { signal }))
    return was !== undefined && is !== undefined && isDeepStrictEqual(contentOf(was), contentOf(is))
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof KubeError) return false
    throw error
  }
}

function contentOf({ status: _status, ...object }: KubeObject): unknown {
  const { managedFields: _owners, resourceVersion: _version, ...metadata } = object.metadata
  return { ...object, metadata }
}
