import { describe, expect, it } from '@jest/globals'
import type { Condition } from '@weir/shared/api'
import { expectStatus, type Judged } from './expect-status.ts'

const condition = (type: string, status: string, over: Partial<Condition> = {}): Condition =>
  ({ type, status, reason: 'Reason', message: 'message', lastTransitionTime: '2026-01-02T03:04:05Z', observedGeneration: 2, ...over }) as Condition

const object = (conditions: readonly Condition[], observedGeneration = 2): Judged => ({ kind: 'Toy', metadata: { name: 'a', generation: 2 }, status: { conditions, observedGeneration } })

describe('expectStatus', () => {
  it.each([
    ['ready', object([condition('Ready', 'True')])],
    ['failing', object([condition('Reconciling', 'True'), condition('Ready', 'False')], 1)],
    ['stalled', object([condition('Stalled', 'True'), condition('Ready', 'False')])],
    ['running', object([condition('Reconciling', 'True'), condition('Ready', 'Unknown'), condition('Healthy', 'Unknown')], -1)],
  ])('takes an object that is %s', (_name, judged) => {
    expect(() => expectStatus(judged)).not.toThrow()
  })

  const underWay = (kind: string, reason: string): Judged => ({ ...object([condition('Reconciling', 'True', { reason }), condition('Ready', 'True')]), kind })

  it('takes a source in mid-run that is ready all the while, and nothing else of that sort', () => {
    expect(() => expectStatus(underWay('GitRepository', 'Progressing'), { midRun: true })).not.toThrow()
    expect(() => expectStatus(underWay('GitRepository', 'Progressing'))).toThrow(/beside/)
    expect(() => expectStatus(underWay('GitRepository', 'ProgressingWithRetry'), { midRun: true })).toThrow(/beside/)
    expect(() => expectStatus(underWay('Kustomization', 'Progressing'), { midRun: true })).toThrow(/beside/)
  })

  it.each([
    ['no object', undefined, /no object/],
    ['no Ready', object([]), /no Ready/],
    ['ready at an older generation', object([condition('Ready', 'True')], 1), /another generation/],
    ['ready and reconciling', object([condition('Reconciling', 'True'), condition('Ready', 'True')]), /beside/],
    ['stalled and reconciling', object([condition('Stalled', 'True'), condition('Reconciling', 'True'), condition('Ready', 'False')]), /exclude/],
    ['stalled and not told', object([condition('Stalled', 'True'), condition('Ready', 'Unknown')]), /without Ready=False/],
    ['a message of nothing', object([condition('Ready', 'True', { message: '' })]), /no message/],
    ['a time with fractions', object([condition('Ready', 'True', { lastTransitionTime: '2026-01-02T03:04:05.123Z' })]), /lastTransitionTime/],
    ['a generation of the future', object([condition('Ready', 'True', { observedGeneration: 3 })]), /not there yet/],
    ['the wrong order', object([condition('Ready', 'False'), condition('Stalled', 'True')]), /order/],
    ['one type twice', object([condition('Ready', 'True'), condition('Ready', 'True')]), /twice/],
  ])('refuses %s', (_name, judged, message) => {
    expect(() => expectStatus(judged)).toThrow(message)
  })
})
