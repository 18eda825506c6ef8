import type { KubeObject } from '@weir/shared/kube'
import { fieldAt, isFields } from '@weir/shared/manifest'
import { printable, printableLines, showAge } from '../printable.ts'

/** What is shown of an object. */
export interface Row {
  readonly namespace: string
  /** `Kustomization/apps`: what `weir why` takes. */
  readonly object: string
  readonly ready: 'True' | 'False' | 'Unknown'
  /** Of the artifact or of what was last applied; `-` where there is none yet. */
  readonly revision: string
  readonly age: string
  readonly suspended: boolean
  readonly message: string
  /** Wide only: where it comes from. */
  readonly source: string
  /** Wide only: reason of the Ready condition. */
  readonly reason: string
}

/** Pure: an object of any Flux kind as a row. Fields that are not there are `-`. */
export function rowOf(object: KubeObject, now: number): Row {
  const { namespace = '', name, creationTimestamp, deletionTimestamp } = object.metadata
  const ready = readyOf(object)
  const deleting = deletionTimestamp === undefined ? '' : 'being deleted: '
  return {
    namespace,
    object: `${object.kind}/${name}`,
    ready: ready?.status ?? 'Unknown',
    revision: revisionOf(object) ?? '-',
    age: showAge(creationTimestamp, now),
    suspended: fieldAt(object, 'spec', 'suspend') === true,
    message: deleting + (ready === undefined ? 'no controller has reconciled this object yet' : printableLines(ready.message).join('; ')),
    source: sourceOf(object),
    reason: ready?.reason ?? '-',
  }
}

export interface ReadyCondition {
  readonly status: Row['ready']
  readonly reason: string
  readonly message: string
  /** RFC 3339. */
  readonly since: string | undefined
}

/** The condition of a type; undefined where nobody has written it. */
export function conditionOf(object: KubeObject, type: string): ReadyCondition | undefined {
  const conditions = fieldAt(object, 'status', 'conditions')
  const found = Array.isArray(conditions) ? conditions.filter(isFields).find((each) => each['type'] === type) : undefined
  if (found === undefined) return undefined
  const { status, reason, message, lastTransitionTime } = found
  return {
    status: status === 'True' || status === 'False' ? status : 'Unknown',
    reason: typeof reason === 'string' ? reason : '',
    message: typeof message === 'string' ? message : '',
    since: typeof lastTransitionTime === 'string' ? lastTransitionTime : undefined,
  }
}

export function readyOf(object: KubeObject): ReadyCondition | undefined {
  return conditionOf(object, 'Ready')
}

/** The revision that an object stands at. */
export function revisionOf(object: KubeObject): string | undefined {
  return textAt(object, 'status', 'lastAppliedRevision') ?? textAt(object, 'status', 'artifact', 'revision')
}

export function textAt(object: unknown, ...path: readonly string[]): string | undefined {
  const value = fieldAt(object, ...path)
  return typeof value === 'string' && value !== '' ? value : undefined
}

function sourceOf(object: KubeObject): string {
  const kind = textAt(object, 'spec', 'sourceRef', 'kind')
  const address = textAt(object, 'spec', 'url') ?? textAt(object, 'spec', 'endpoint')
  if (kind === undefined) return printable(address ?? '-')
  const [namespace, name, path] = ['namespace', 'name'].map((field) => textAt(object, 'spec', 'sourceRef', field)).concat(textAt(object, 'spec', 'path'))
  return printable(`${kind}/${namespace === undefined ? '' : `${namespace}/`}${name ?? ''}${path === undefined ? '' : ` ${path}`}`)
}
