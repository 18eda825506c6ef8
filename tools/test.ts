import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checksOf } from './checks.ts'
import type { Check } from './checks.ts'
import { preparations } from './prepare.ts'
import { addTallies, emptyTally, formatTally, skippedTests, tallyOf } from './tally.ts'
import type { JestReport, Tally } from './tally.ts'

// `npm test`: every check, then every test; `npm test -- PATH …` runs the tests below these paths alone.
const root = join(import.meta.dirname, '..')
const paths = process.argv.slice(2)

const checks = paths.length === 0 ? checksOf(root) : []
const checked = await runChecks([...checks, ...preparations(print)])
const total = addTallies(checked, await runTests(paths))
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1
print(formatTally(total))

async function runChecks(checks: readonly Check[]): Promise<Tally> {
  const kinds: string[] = []
  for (const check of checks) {
    const startedMs = performance.now()
    const { kind, why } = await check.run()
    kinds.push(kind)
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
    print(`${kind.padEnd(7)} ${check.name} (${seconds} s)${kind === 'skipped' ? `: ${why}` : ''}`)
    if (kind === 'failed') print(why.trimEnd())
  }
  const count = (wanted: string): number => kinds.filter((kind) => kind === wanted).length
  return { passed: count('passed'), failed: count('failed'), skipped: count('skipped') }
}

/** One run of jest from the root; it shows its own progress, and its report is counted. */
async function runTests(only: readonly string[]): Promise<Tally> {
  const folder = mkdtempSync(join(tmpdir(), 'weir-test-'))
  const reportPath = join(folder, 'jest.json')
  try {
    await jest(['--json', `--outputFile=${reportPath}`, '--passWithNoTests', ...only], reportPath)
    const report: JestReport = JSON.parse(readFileSync(reportPath, 'utf8'))
    for (const name of skippedTests(report)) print(`skipped ${name}`)
    return tallyOf(report)
  } catch (error) {
    print(`jest left no report: ${String(error)}`)
    return { ...emptyTally, failed: 1 }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const goodbyeMs = 30_000

/** Resolves when it has ended. Node's own cleanup may spin for ever over a TLS socket that was reset (faults do that): after its report jest has half a minute to end. */
function jest(args: readonly string[], reportPath: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning']
  const child = spawn(process.execPath, [...flags, join(root, 'node_modules/jest/bin/jest.js'), ...args], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  // Ctrl-C: the child has it too, and ends in its own time.
  process.on('SIGINT', () => undefined)
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  const looking = setInterval(() => {
    if (!existsSync(reportPath) || Date.now() - statSync(reportPath).mtimeMs < goodbyeMs) return
    print('jest has reported and did not end: it was ended')
    child.kill('SIGKILL')
    clearInterval(looking)
  }, 1_000)
  child.on('error', reject)
  child.on('close', () => {
    clearInterval(looking)
    resolve()
  })
  return promise
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
