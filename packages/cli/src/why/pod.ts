import { healthOf } from '@weir/shared/apply'
import type { KubeObject } from '@weir/shared/kube'
import { identify } from '@weir/shared/manifest'
import { conditionOf, textAt } from '../get/row.ts'
import { troubleOfContainers } from './container.ts'
import { finding, type Finding } from './finding.ts'
import type { Reader, Warning } from './reader.ts'

/** Pods explained of one owner; those that fail in the same way are counted. */
const mostPods = 3

export interface PodsQuestion {
  readonly reader: Reader
  factsOf(warnings: readonly Warning[]): readonly string[]
}

/** The Pods that are not current, one for each way of failing. */
export async function explainPods(pods: readonly KubeObject[], { reader, factsOf }: PodsQuestion): Promise<readonly Finding[]> {
  const bad = pods.filter((pod) => healthOf(pod, reader.now()).status !== 'Current')
  const findings: Finding[] = []
  for (const [first, ...alike] of groupsOf(bad).slice(0, mostPods)) {
    if (first === undefined) continue
    const warnings = await reader.warnings(first)
    const counted = alike.length === 0 ? [] : [`${alike.length + 1} of ${pods.length} Pods fail like this`]
    findings.push({ ...troubleOfPod(first, warnings), relation: 'runs', facts: [...factsOf(warnings), ...counted] })
  }
  return findings
}

/** Those that fail in the same way together. */
function groupsOf(pods: readonly KubeObject[]): readonly (readonly KubeObject[])[] {
  const way = (pod: KubeObject): string => {
    const { reason, causes } = troubleOfPod(pod, [])
    return JSON.stringify([reason, causes.map((cause) => [cause.place.name.split('/').at(-1), cause.reason])])
  }
  return [...Map.groupBy(pods, way).values()]
}

/** Pure: what is wrong with a Pod, from its status and its warnings. */
export function troubleOfPod(pod: KubeObject, warnings: readonly Warning[]): Finding {
  const place = identify(pod)
  const scheduled = conditionOf(pod, 'PodScheduled')
  if (scheduled?.status === 'False') {
    const since = scheduled.since === undefined ? {} : { since: scheduled.since }
    return finding(place, { state: 'failed', reason: scheduled.reason || 'Unschedulable', message: scheduled.message, ...since })
  }
  const causes = troubleOfContainers(pod)
  const phase = textAt(pod, 'status', 'phase') ?? ''
  const failed = phase === 'Failed' || causes.some(({ state }) => state === 'failed')
  return finding(place, { state: failed ? 'failed' : 'waiting', ...wordsOf(pod, causes.length > 0 ? conditionOf(pod, 'Ready') : warnings[0]), causes })
}

/** The Pod's own reason (Evicted), else what its condition or its last warning says. */
function wordsOf(pod: KubeObject, said: { readonly reason: string; readonly message: string } | undefined): Pick<Finding, 'reason' | 'message'> {
  return {
    reason: textAt(pod, 'status', 'reason') ?? said?.reason ?? textAt(pod, 'status', 'phase') ?? '',
    message: textAt(pod, 'status', 'message') ?? said?.message ?? '',
  }
}
