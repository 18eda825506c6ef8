import { describe, expect, it } from '@jest/globals'
import { chooseExpired, type RetentionInput } from '@weir/shared/artifact'

const nowMs = 1_000_000
const aged = (name: string, ageSeconds: number): { name: string; modifiedMs: number } => ({ name, modifiedMs: nowMs - ageSeconds * 1000 })

const rows: readonly (readonly [string, Partial<RetentionInput>, readonly string[]])[] = [
  ['keeps the current one however old', { files: [aged('a', 900)], current: 'a' }, []],
  ['removes what is past the age limit', { files: [aged('a', 900), aged('b', 61), aged('c', 1)], current: 'c' }, ['a', 'b']],
  ['keeps young ones up to the number of records', { files: [aged('a', 20), aged('b', 10)], current: 'b' }, []],
  ['removes the oldest young ones beyond it', { files: [aged('a', 30), aged('b', 20), aged('c', 10)], current: 'c' }, ['a']],
  ['removes the oldest first, by name where equal', { files: [aged('b', 30), aged('a', 30), aged('c', 10), aged('d', 5)], current: 'd' }, ['a', 'b']],
  ['never removes the current one for the number alone', { files: [aged('a', 50), aged('b', 20), aged('c', 10)], current: 'a' }, ['b']],
  ['works without a current one', { files: [aged('a', 50), aged('b', 20), aged('c', 10)], current: undefined }, ['a']],
  ['takes fewer than one record for one', { files: [aged('a', 50), aged('b', 20)], current: 'b', rule: { ttlMs: 60_000, records: 0 } }, ['a']],
  ['looks at a thousand files at most', { files: Array.from({ length: 1500 }, (_, index) => aged(`f${index}`, 900)), current: 'f0' }, Array.from({ length: 999 }, (_, index) => `f${index + 1}`).sort()],
]

describe('chooseExpired', () => {
  it.each(rows)('%s', (_name, input, expired) => {
    expect(chooseExpired({ files: [], current: undefined, rule: { ttlMs: 60_000, records: 2 }, nowMs, ...input })).toEqual(expired)
  })
})
