import { describe, expect, it } from '@jest/globals'
import { resume } from './position.ts'

describe('where to read on', () => {
  it.each([
    ['from now on at first', undefined, { created: 'a', lastSequence: 5 }, 6],
    ['from now on in an empty stream', undefined, { created: 'a', lastSequence: 0 }, 1],
    ['where it was', { created: 'a', next: 3 }, { created: 'a', lastSequence: 5 }, 3],
    ['at the end when nothing came', { created: 'a', next: 6 }, { created: 'a', lastSequence: 5 }, 6],
    ['from the beginning of a new stream', { created: 'a', next: 900 }, { created: 'b', lastSequence: 5 }, 1],
    ['not beyond the end of a restored stream', { created: 'a', next: 900 }, { created: 'a', lastSequence: 5 }, 6],
    ['without replaying a very long absence', { created: 'a', next: 3 }, { created: 'a', lastSequence: 50_000 }, 40_001],
  ])('%s', (_name, position, end, next) => {
    expect(resume(position, end)).toEqual({ created: end.created, next })
  })
})
