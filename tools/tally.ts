/** What jest writes with `--json`, as far as it counts here. */
export interface JestReport {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly testResults: readonly JestFile[]
}

interface JestFile {
  readonly name: string
  readonly status: string
  readonly message: string
  readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[]
}

export interface Tally {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

export const emptyTally: Tally = { passed: 0, failed: 0, skipped: 0 }

export function addTallies(a: Tally, b: Tally): Tally {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped }
}

/** The last line of a test run. */
export function formatTally({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`
}

/** A file that never came to its tests counts as one failure, or a broken import would look like success. */
export function tallyOf(report: JestReport): Tally {
  const broken = report.testResults.filter((file) => file.status === 'failed' && !file.assertionResults.some(hasFailed))
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + broken.length,
    skipped: skippedTests(report).length,
  }
}

/** Names of the tests that did not run; a name says why. */
export function skippedTests(report: JestReport): readonly string[] {
  const all = report.testResults.flatMap((file) => file.assertionResults)
  return all.filter((test) => test.status === 'pending' || test.status === 'todo').map((test) => test.fullName)
}

function hasFailed(test: { readonly status: string }): boolean {
  return test.status === 'failed'
}
