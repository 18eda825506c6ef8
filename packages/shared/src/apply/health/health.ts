import { fieldAt, parseApiVersion } from '@weir/shared/manifest'
import type { KubeObject } from '@weir/shared/manifest'
import { builtIn } from './built-in.ts'
import { conditionsOf, isTrue } from './conditions.ts'
import { current, failed, inProgress, terminating } from './verdict.ts'
import type { Health } from './verdict.ts'

/**
 * How an object is by its own status, in the order of kstatus: deletion, observed generation, Reconciling and Stalled, the
 * rule of its kind, Ready. `now` matters to Pods alone. Source: sigs.k8s.io/cli-utils pkg/kstatus, with Flux's rule for Jobs.
 */
export function healthOf(object: KubeObject, now: number): Health {
  return generic(object) ?? ruleOfKind(object, now) ?? byReady(object)
}

/** How an object is by its metadata, for kinds that report nothing. */
export function healthOfMetadata({ metadata }: Pick<KubeObject, 'metadata'>): Health {
  return metadata.deletionTimestamp === undefined ? current : terminating
}

function generic(object: KubeObject): Health | undefined {
  if (object.metadata.deletionTimestamp !== undefined) return terminating
  const { generation } = object.metadata
  const observed = fieldAt(object, 'status', 'observedGeneration')
  if (generation !== undefined && typeof observed === 'number' && observed !== generation) {
    return inProgress(`generation is ${generation}, observed is ${observed}`)
  }
  const said = conditionsOf(object).find((condition) => (condition.type === 'Reconciling' || condition.type === 'Stalled') && isTrue(condition))
  if (said === undefined) return undefined
  return said.type === 'Stalled' ? failed(said.message) : inProgress(said.message)
}

function ruleOfKind(object: KubeObject, now: number): Health | undefined {
  const { group } = parseApiVersion(object.apiVersion)
  return builtIn.get(`${group}/${object.kind}`)?.(object, now)
}

function byReady(object: KubeObject): Health {
  const ready = conditionsOf(object).find(({ type }) => type === 'Ready')
  return ready === undefined || isTrue(ready) ? current : inProgress(ready.message)
}
