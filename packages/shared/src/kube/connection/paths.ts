import type { Kind } from '@weir/shared/api'
import { KubeError } from '../kube-error.ts'
import type { Target } from '../objects.ts'

/** `/apis/apps/v1/namespaces/default/deployments`; without a namespace: of all namespaces. */
export function collectionPath(kind: Kind, namespace: string | undefined): string {
  const root = kind.group === '' ? '/api' : `/apis/${segment(kind.group)}`
  const inside = kind.namespaced && namespace !== undefined ? `/namespaces/${segment(namespace)}` : ''
  return `${root}/${segment(kind.version)}${inside}/${segment(kind.plural)}`
}

/** KubeError 'bad-request' when a namespaced object has no namespace, or a name cannot be part of a path. */
export function objectPath({ resource, namespace, name }: Target, subresource?: 'status'): string {
  if (resource.namespaced && namespace === '') throw new KubeError('bad-request', `${resource.kind} ${name}: namespace is missing`)
  return `${collectionPath(resource, namespace)}/${segment(name)}${subresource === undefined ? '' : `/${subresource}`}`
}

export function withQuery(path: string, query: Readonly<Record<string, string | number | undefined>>): string {
  const parts = Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`]))
  return parts.length === 0 ? path : `${path}?${parts.join('&')}`
}

/** `Deployment default/web`, for messages. */
export function showTarget({ resource, namespace, name }: Target): string {
  return `${resource.kind} ${resource.namespaced ? `${namespace}/` : ''}${name}`
}

/** As it is, case included: RBAC names hold colons and capitals. What the API server refuses as a name must not change the path either. */
function segment(text: string): string {
  if (text === '' || text === '.' || text === '..' || /[/%]/.test(text)) {
    throw new KubeError('bad-request', `${JSON.stringify(text)} cannot be part of a path`)
  }
  return encodeURIComponent(text)
}
