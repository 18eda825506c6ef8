import { describe, expect, it } from '@jest/globals'
import { createCorrelator } from './correlate.ts'

const minute = 60_000
const sighting = { object: 'Kustomization/default/app/1', type: 'Normal', reason: 'Progressing', message: 'applied', atMs: 0 }

describe('correlation of events', () => {
  it('counts a repetition and keeps the time of the first', () => {
    const correlate = createCorrelator()
    expect(correlate(sighting)).toMatchObject({ kind: 'create', count: 1, firstAtMs: 0 })
    expect(correlate({ ...sighting, atMs: minute })).toMatchObject({ kind: 'repeat', count: 2, firstAtMs: 0 })
  })

  it.each([{ object: 'other' }, { type: 'Warning' }, { reason: 'Failed' }, { message: 'pruned' }])('tells %j apart', (difference) => {
    const correlate = createCorrelator()
    correlate(sighting)
    expect(correlate({ ...sighting, ...difference })).toMatchObject({ kind: 'create', count: 1 })
  })

  it('combines many different messages of one reason, until they have been quiet', () => {
    const correlate = createCorrelator()
    const tell = (number: number, atMs: number) => correlate({ ...sighting, message: `message ${number}`, atMs })
    for (let number = 1; number < 10; number += 1) expect(tell(number, number * minute)).toMatchObject({ kind: 'create', message: `message ${number}` })
    expect(tell(10, 10 * minute)).toMatchObject({ kind: 'create', message: '(combined from similar events): message 10', count: 1 })
    expect(tell(11, 11 * minute)).toMatchObject({ kind: 'repeat', message: '(combined from similar events): message 11', count: 2 })
    expect(tell(12, 22 * minute)).toMatchObject({ kind: 'create', message: 'message 12' })
  })

  it('allows an object 25 writes and one more each five minutes', () => {
    const correlate = createCorrelator()
    const kinds = Array.from({ length: 30 }, () => correlate(sighting).kind)
    expect(kinds.filter((kind) => kind === 'suppress')).toHaveLength(5)
    expect(correlate({ ...sighting, object: 'other' }).kind).toBe('create')
    expect(correlate({ ...sighting, atMs: 5 * minute })).toMatchObject({ kind: 'repeat', count: 31 })
    expect(correlate({ ...sighting, atMs: 5 * minute }).kind).toBe('suppress')
    expect(correlate({ ...sighting, atMs: 0 }).kind).toBe('suppress') // a clock that went back grants nothing
  })
})
