import type { KubeObject } from '@weir/shared/kube'
import { fieldAt, isFields, type Fields } from '@weir/shared/manifest'
import { textAt } from '../get/row.ts'
import { cut, printable } from '../printable.ts'
import { finding, type Finding } from './finding.ts'

/** Of what a container said when it ended: enough for a person to see which error it is. */
const mostLastWords = 300

/** Waiting for its turn is no trouble. */
const onItsWay: ReadonlySet<string> = new Set(['PodInitializing', 'ContainerCreating'])

interface Container {
  readonly name: string
  readonly status: Fields
  readonly role: 'init' | 'main'
}

/** Pure: the containers of a Pod that do not do what they should, init containers first since the others wait for them. */
export function troubleOfContainers(pod: KubeObject): readonly Finding[] {
  return containersOf(pod).flatMap((container) => {
    const trouble = waitingTrouble(container) ?? endedTrouble(container) ?? runningTrouble(container)
    if (trouble === undefined) return []
    const place = { kind: 'Container', namespace: pod.metadata.namespace ?? '', name: `${pod.metadata.name}/${container.name}` }
    return [finding(place, { ...trouble, relation: 'its', facts: [...restartFacts(container), ...trouble.facts] })]
  })
}

function containersOf(pod: KubeObject): readonly Container[] {
  const read = (field: string, role: Container['role']): readonly Container[] => {
    const statuses = fieldAt(pod, 'status', field)
    return Array.isArray(statuses) ? statuses.filter(isFields).map((status) => ({ name: textAt(status, 'name') ?? '', status, role })) : []
  }
  return [...read('initContainerStatuses', 'init'), ...read('containerStatuses', 'main')]
}

type Trouble = Pick<Finding, 'state' | 'reason' | 'message' | 'facts'>

function waitingTrouble({ status }: Container): Trouble | undefined {
  const waiting = fieldAt(status, 'state', 'waiting')
  const reason = textAt(waiting, 'reason')
  if (reason === undefined || onItsWay.has(reason)) return undefined
  const last = endOf(fieldAt(status, 'lastState', 'terminated'))
  const image = textAt(status, 'image')
  return {
    state: 'failed',
    // Why it ended says more than that the next start is waited for.
    reason: last?.reason === 'OOMKilled' ? last.reason : reason,
    message: textAt(waiting, 'message') ?? '',
    facts: [...(last?.facts ?? []), ...(image === undefined ? [] : [`image ${image}`])],
  }
}

function endedTrouble({ status }: Container): Trouble | undefined {
  const end = endOf(fieldAt(status, 'state', 'terminated'))
  return end === undefined || end.exitCode === 0 ? undefined : { state: 'failed', reason: end.reason, message: end.message, facts: end.facts }
}

/** An init container has no readiness. */
function runningTrouble({ status, role }: Container): Trouble | undefined {
  const runs = isFields(fieldAt(status, 'state', 'running'))
  return runs && role === 'main' && status['ready'] === false ? { state: 'waiting', reason: 'NotReady', message: 'it runs and is not ready', facts: [] } : undefined
}

function restartFacts({ status }: Container): readonly string[] {
  const count = status['restartCount']
  return typeof count === 'number' && count > 0 ? [`restarted ${count} ${count === 1 ? 'time' : 'times'}`] : []
}

interface End {
  readonly exitCode: number
  readonly reason: string
  readonly message: string
  readonly facts: readonly string[]
}

function endOf(terminated: unknown): End | undefined {
  if (!isFields(terminated)) return undefined
  const exitCode = typeof terminated['exitCode'] === 'number' ? terminated['exitCode'] : 0
  const reason = textAt(terminated, 'reason') ?? 'Error'
  const message = cut(printable(textAt(terminated, 'message') ?? ''), mostLastWords)
  return { exitCode, reason, message, facts: [`ended with exit code ${exitCode} (${reason})${message === '' ? '' : `: ${message}`}`] }
}
