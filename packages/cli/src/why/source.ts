import type { KubeObject } from '@weir/shared/kube'
import { identify } from '@weir/shared/manifest'
import { textAt } from '../get/row.ts'
import { secretKind } from '../objects/kinds.ts'
import { finding, type Finding } from './finding.ts'
import { readinessOf } from './readiness.ts'
import type { Walk } from './walk.ts'

/** A source, and the Secret with its login where that is not there. */
export async function explainSource(object: KubeObject, { reader }: Walk): Promise<Finding> {
  const found = explainReconciled(object)
  const secret = textAt(object, 'spec', 'secretRef', 'name')
  const { namespace = '' } = object.metadata
  if (found.state === 'ready' || secret === undefined) return found
  const sighting = await reader.exists(secretKind, namespace, secret)
  if (sighting.kind !== 'missing') return found
  const missing = finding({ kind: 'Secret', namespace, name: secret }, { state: 'missing', relation: 'its login', message: 'the Secret of spec.secretRef does not exist' })
  return { ...found, causes: [missing] }
}

/** An object that is explained by its own conditions alone. */
export function explainReconciled(object: KubeObject): Finding {
  return finding(identify(object), readinessOf(object))
}
