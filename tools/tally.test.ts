import { describe, expect, it } from '@jest/globals'
import { addTallies, formatTally, skippedTests, tallyOf } from './tally.ts'

const report = {
  numPassedTests: 2,
  numFailedTests: 1,
  testResults: [
    {
      name: 'a.test.ts',
      status: 'failed',
      message: '',
      assertionResults: [
        { status: 'passed', fullName: 'a works' },
        { status: 'passed', fullName: 'a works too' },
        { status: 'failed', fullName: 'a fails' },
        { status: 'pending', fullName: 'a waits: no ssh here' },
      ],
    },
    { name: 'b.test.ts', status: 'failed', message: 'cannot import', assertionResults: [] },
  ],
}

describe('the tally', () => {
  it('counts a file that never came to its tests as a failure', () => {
    expect(tallyOf(report)).toEqual({ passed: 2, failed: 2, skipped: 1 })
  })

  it('names what was skipped', () => {
    expect(skippedTests(report)).toEqual(['a waits: no ssh here'])
  })

  it('reads as one line', () => {
    const one = { passed: 1, failed: 2, skipped: 3 }
    expect(formatTally(addTallies(one, one))).toBe('2 passed, 4 failed, 6 skipped')
  })
})
