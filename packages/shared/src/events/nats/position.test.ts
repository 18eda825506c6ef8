import { describe, expect, it } from '@jest/globals'
import { resume } from './position.ts'

describe('where to read on', () => {
  it.each([
    { name: 'from now on at first', position: undefined, end: { created: 'a', lastSequence: 5 }, next: 6 },
    { name: 'from now on in an empty stream', position: undefined, end: { created: 'a', lastSequence: 0 }, next: 1 },
    { name: 'where it was', position: { created: 'a', next: 3 }, end: { created: 'a', lastSequence: 5 }, next: 3 },
    { name: 'at the end when nothing came', position: { created: 'a', next: 6 }, end: { created: 'a', lastSequence: 5 }, next: 6 },
    { name: 'from the beginning of a new stream', position: { created: 'a', next: 900 }, end: { created: 'b', lastSequence: 5 }, next: 1 },
    { name: 'not beyond the end of a restored stream', position: { created: 'a', next: 900 }, end: { created: 'a', lastSequence: 5 }, next: 6 },
    { name: 'without replaying a very long absence', position: { created: 'a', next: 3 }, end: { created: 'a', lastSequence: 50_000 }, next: 40_001 },
  ])('$name', ({ position, end, next }) => {
    expect(resume(position, end)).toEqual({ created: end.created, next })
  })
})
