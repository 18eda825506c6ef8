import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

export interface TestRun {
  readonly file: string
  /** Parts of full names; a test that holds one of them runs. */
  readonly titles: readonly string[]
}

/** How the wanted tests ended. `broken`: none ran, which says nothing. */
export interface TestEnd {
  readonly kind: 'green' | 'red' | 'broken'
  /** Tests that ran. */
  readonly count: number
  /** First line of the first failure, or why it is broken. */
  readonly says: string
}

interface JestReport {
  readonly testResults: readonly { readonly message: string; readonly assertionResults: readonly { readonly status: string; readonly fullName: string; readonly failureMessages: readonly string[] }[] }[]
}

/** Runs tests of one file in a tree. Throws when it was interrupted. */
export async function runTest(tree: string, { file, titles }: TestRun): Promise<TestEnd> {
  const report = join(tree, 'report.json')
  rmSync(report, { force: true })
  const pattern = titles.map((title) => title.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')
  const jest = join(tree, 'node_modules/jest/bin/jest.js')
  const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', jest]
  // A test that fails may leave a server open, for which Jest would wait for ever.
  const child = spawn(process.execPath, [...flags, '--forceExit', '--json', `--outputFile=${report}`, '--testNamePattern', pattern, '--runTestsByPath', file], {
    cwd: tree,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, PATH: `${join(tree, 'node_modules/.bin')}:${process.env['PATH'] ?? ''}` },
  })
  const stop = (): void => void child.kill('SIGTERM')
  process.once('SIGINT', stop).once('SIGTERM', stop)
  const [said, [, signal]] = await Promise.all([text(child.stderr), once(child, 'close')])
  process.off('SIGINT', stop).off('SIGTERM', stop)
  if (signal !== null) throw new Error(`${file}: ended by ${String(signal)}`)
  return existsSync(report) ? read(report) : { kind: 'broken', count: 0, says: firstLine(said) }
}

function read(file: string): TestEnd {
  const { testResults } = JSON.parse(readFileSync(file, 'utf8')) as JestReport
  const ran = testResults.flatMap(({ assertionResults }) => assertionResults).filter(({ status }) => status === 'passed' || status === 'failed')
  if (ran.length === 0) return { kind: 'broken', count: 0, says: firstLine(testResults[0]?.message ?? 'no such test') }
  const failed = ran.filter(({ status }) => status === 'failed')
  const [first] = failed
  if (first === undefined) return { kind: 'green', count: ran.length, says: '' }
  return { kind: 'red', count: ran.length, says: `${first.fullName}: ${firstLine(first.failureMessages[0] ?? '')}` }
}

function firstLine(text: string): string {
  const plain = text.replaceAll(/\u001b\[[0-9;]*m/g, '')
  return plain.split('\n').map((line) => line.trim()).find((line) => line !== '') ?? ''
}
