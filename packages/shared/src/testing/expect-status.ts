import type { Condition, ObjectMeta } from '@weir/shared/api'

/** What every object of ours has, as far as its status is judged. */
export interface Judged {
  readonly kind?: string | undefined
  readonly metadata: Pick<ObjectMeta, 'name' | 'generation'>
  readonly status?: { readonly conditions?: readonly Condition[] | undefined; readonly observedGeneration?: number | undefined } | undefined
}

export interface ExpectStatusOptions {
  /** A run may be going on: a source is Ready=True beside Reconciling for as long as its last artifact may still be right. Default false. */
  readonly midRun?: boolean
}

/**
 * Fails unless the status is one that a client can act on, whatever happened: the rules that hold for every outcome of every kind (kstatus, the
 * `flux` CLI and people read it). Every test of a reconciler ends with it.
 */
export function expectStatus(object: Judged | undefined, options: ExpectStatusOptions = {}): void {
  const wrong = object === undefined ? ['there is no object'] : rules.flatMap((rule) => rule(object, options))
  if (wrong.length > 0) throw new Error(`status of ${object?.kind ?? 'the object'} ${object?.metadata.name ?? ''}: ${wrong.join('; ')}\n${JSON.stringify(object?.status, null, 2)}`)
}

type Rule = (object: Judged, options: ExpectStatusOptions) => readonly string[]

const conditionsOf = ({ status }: Judged): readonly Condition[] => status?.conditions ?? []
const find = (object: Judged, type: string): Condition | undefined => conditionsOf(object).find((condition) => condition.type === type)
const isTrue = (object: Judged, type: string): boolean => find(object, type)?.status === 'True'
const isUnderWay = (object: Judged): boolean => object.kind === 'GitRepository' && find(object, 'Reconciling')?.reason === 'Progressing'
const unless = (holds: boolean, text: string): readonly string[] => (holds ? [] : [text])

const order = ['Stalled', 'Reconciling', 'Ready']
const wholeSeconds = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/

const rules: readonly Rule[] = [
  (object) => unless(find(object, 'Ready') !== undefined, 'there is no Ready condition'),
  (object) => unless(!(isTrue(object, 'Stalled') && isTrue(object, 'Reconciling')), 'Stalled and Reconciling exclude each other'),
  (object) => unless(!(isTrue(object, 'Ready') && isTrue(object, 'Stalled')), 'Ready=True beside Stalled'),
  (object, { midRun = false }) => unless(!(isTrue(object, 'Ready') && isTrue(object, 'Reconciling')) || (midRun && isUnderWay(object)), 'Ready=True beside Reconciling'),
  (object) => unless(!isTrue(object, 'Stalled') || find(object, 'Ready')?.status === 'False', 'Stalled without Ready=False'),
  (object) => unless(!isTrue(object, 'Ready') || object.status?.observedGeneration === object.metadata.generation, 'Ready=True at another generation than the stored one'),
  (object) => unless(!isTrue(object, 'Stalled') || object.status?.observedGeneration === object.metadata.generation, 'Stalled at another generation than the stored one'),
  (object) => conditionsOf(object).flatMap((condition) => describeFlaws(condition, object)),
  (object) => unless(new Set(conditionsOf(object).map(({ type }) => type)).size === conditionsOf(object).length, 'a condition type is there twice'),
  (object) => {
    const leading = conditionsOf(object).map(({ type }) => order.indexOf(type)).filter((at) => at >= 0)
    return unless(leading.every((at, index) => index === 0 || at > (leading[index - 1] ?? -1)), 'Stalled, Reconciling, Ready are not in this order')
  },
]

function describeFlaws({ type, reason, message, lastTransitionTime, observedGeneration = 0 }: Condition, { metadata }: Judged): readonly string[] {
  return [
    ...unless(reason !== '' && message !== '', `${type} has no reason or no message`),
    ...unless(wholeSeconds.test(lastTransitionTime), `${type} has lastTransitionTime ${lastTransitionTime}`),
    ...unless(observedGeneration <= (metadata.generation ?? 0), `${type} was observed at a generation that is not there yet`),
  ]
}
