import type { KubeObject } from '@weir/shared/kube'
import { identify, parseApiVersion } from '@weir/shared/manifest'
import type { Finding } from './finding.ts'
import { finding } from './finding.ts'
import { explainKustomization } from './kustomization.ts'
import { explainReconciled, explainSource } from './source.ts'
import { isSourceKind } from './places.ts'
import type { Reader } from './reader.ts'
import { explainWorkload } from './workload.ts'

/** One way down from what was asked about. */
export interface Walk {
  readonly reader: Reader
  /** Keys of what is above, so that a circle ends. */
  readonly above: readonly string[]
  /** Keys of everything explained so far: in a diamond of dependencies each is explained once. */
  readonly seen: Set<string>
  /** One step further down. */
  explain(object: KubeObject, walk: Walk): Promise<Finding>
}

/** The way from an object down to what fails. Reads only. */
export async function explain(object: KubeObject, reader: Reader): Promise<Finding> {
  return explainAt(object, { reader, above: [], seen: new Set(), explain: explainAt })
}

export function keyOf(object: Pick<KubeObject, 'kind' | 'metadata'>): string {
  return `${object.kind}/${object.metadata.namespace ?? ''}/${object.metadata.name}`
}

async function explainAt(object: KubeObject, walk: Walk): Promise<Finding> {
  const key = keyOf(object)
  if (walk.seen.has(key)) return finding(identify(object), { state: 'waiting', message: 'explained above' })
  walk.seen.add(key)
  const further = { ...walk, above: [...walk.above, key] }
  const { group } = parseApiVersion(object.apiVersion)
  if (!group.endsWith('.fluxcd.io')) return explainWorkload(object, further)
  if (object.kind === 'Kustomization') return explainKustomization(object, further)
  return isSourceKind(object.kind) ? explainSource(object, further) : explainReconciled(object)
}
