import type { Kube, KubeObject } from '@weir/shared/kube'
import { CliError, exitCodes } from '../exit-codes.ts'
import type { NamedKind } from './kinds.ts'

export interface ObjectQuestion {
  readonly kind: NamedKind
  readonly name: string
  /** As given; undefined: wherever there is one of that name. */
  readonly namespace: string | undefined
  /** Looked at first, of the kubeconfig's context. */
  readonly preferred: string | undefined
  readonly signal: AbortSignal
}

/**
 * One object by name. Without a namespace that of the context is looked at first and then all of them, since a person knows the
 * name. CliError `failed` where there is none, `usage` where there are several.
 */
export async function findObject(kube: Kube, question: ObjectQuestion): Promise<KubeObject> {
  const { kind, name, namespace, preferred, signal } = question
  for (const place of [namespace ?? preferred ?? 'default']) {
    const object = await kube.get({ resource: kind, namespace: place, name }, { signal })
    if (object !== undefined) return object
    if (namespace !== undefined) throw new CliError(exitCodes.failed, `there is no ${kind.kind} ${name} in namespace ${namespace}`)
  }
  const { items } = await kube.list(kind, { fieldSelector: `metadata.name=${name}`, signal })
  const [first, ...others] = items
  if (first === undefined) throw new CliError(exitCodes.failed, `there is no ${kind.kind} ${name} in any namespace`)
  if (others.length === 0) return first
  const places = items.map(({ metadata }) => metadata.namespace ?? '').sort()
  throw new CliError(exitCodes.usage, `${kind.kind} ${name} is in several namespaces (${places.join(', ')}): say which with -n`)
}
