import type { KubeObject } from '@weir/shared/kube'
import { fieldAt } from '@weir/shared/manifest'
import { conditionOf, readyOf, revisionOf, textAt } from '../get/row.ts'
import type { Finding, State } from './finding.ts'

export type Readiness = Pick<Finding, 'state' | 'reason' | 'message' | 'facts'> & { readonly since?: string; readonly revision?: string }

type Verdict = Pick<Finding, 'state' | 'reason' | 'message'>

/**
 * Pure: how a reconciled object stands by its own conditions. Ready counts for the generation that was looked at alone, and not
 * while a newer run is on its way.
 */
export function readinessOf(object: KubeObject): Readiness {
  const since = readyOf(object)?.since
  const revision = revisionOf(object)
  const verdict = checks.map((check) => check(object)).find((each) => each !== undefined) ?? plain(object)
  return { ...verdict, facts: factsOf(object), ...(since !== undefined && { since }), ...(revision !== undefined && { revision }) }
}

/** In this order: the first that has something to say counts. */
const checks: readonly ((object: KubeObject) => Verdict | undefined)[] = [stalled, untouched, suspended, notReady, running, behind]

function stalled(object: KubeObject): Verdict | undefined {
  const condition = conditionOf(object, 'Stalled')
  return condition?.status === 'True' ? { state: 'failed', reason: condition.reason, message: condition.message } : undefined
}

function untouched(object: KubeObject): Verdict | undefined {
  if (readyOf(object) !== undefined) return undefined
  return { state: isSuspended(object) ? 'suspended' : 'waiting', reason: 'NotReconciled', message: 'no controller has reconciled this object yet' }
}

function suspended(object: KubeObject): Verdict | undefined {
  return isSuspended(object) ? { ...plain(object), state: 'suspended' } : undefined
}

function notReady(object: KubeObject): Verdict | undefined {
  const verdict = plain(object)
  if (verdict.state !== 'failed') return undefined
  return { ...verdict, state: waits.has(verdict.reason) ? 'waiting' : 'failed' }
}

function behind(object: KubeObject): Verdict | undefined {
  const observed = fieldAt(object, 'status', 'observedGeneration')
  const { generation } = object.metadata
  if (typeof observed !== 'number' || generation === undefined || observed === generation) return undefined
  return { state: 'waiting', reason: 'NotReconciled', message: `the spec was changed (generation ${generation}) and no controller has looked at it yet` }
}

function running(object: KubeObject): Verdict | undefined {
  const condition = conditionOf(object, 'Reconciling')
  return condition?.status === 'True' ? { state: 'waiting', reason: condition.reason, message: condition.message } : undefined
}

const stateOf: Readonly<Record<'True' | 'False' | 'Unknown', State>> = { True: 'ready', False: 'failed', Unknown: 'waiting' }

/** What Ready says and nothing else. */
function plain(object: KubeObject): Verdict {
  const ready = readyOf(object)
  return { state: stateOf[ready?.status ?? 'Unknown'], reason: ready?.reason ?? '', message: ready?.message ?? '' }
}

/** An object that waits for another one is not what has to be mended. */
const waits: ReadonlySet<string> = new Set(['DependencyNotReady', 'HealthCheckCanceled'])

function isSuspended(object: KubeObject): boolean {
  return fieldAt(object, 'spec', 'suspend') === true
}

function factsOf(object: KubeObject): readonly string[] {
  const attempted = textAt(object, 'status', 'lastAttemptedRevision')
  const applied = textAt(object, 'status', 'lastAppliedRevision')
  const moved = attempted !== undefined && attempted !== applied
  return [
    ...(moved ? [`tried revision ${attempted}; ${applied === undefined ? 'none is applied yet' : `applied is ${applied}`}`] : []),
    ...(object.metadata.deletionTimestamp === undefined ? [] : ['it is being deleted']),
  ]
}
