import { spawn } from 'node:child_process'
import { existsSync, globSync } from 'node:fs'
import { join } from 'node:path'

/** How one check ended. `why` says what a person should know: the output of what failed, or the reason for a skip. */
export interface Verdict {
  readonly kind: 'passed' | 'failed' | 'skipped'
  readonly why: string
}

/** One thing that must hold, besides the tests. */
export interface Check {
  readonly name: string
  readonly run: () => Promise<Verdict>
}

const passed: Verdict = { kind: 'passed', why: '' }

/** Every check, quick ones first: what is wrong with a change is told before the long tests start. */
export function checksOf(root: string): readonly Check[] {
  const engines = join(root, 'engines')
  return [
    { name: 'laws of rooms and shapes', run: () => program(root, process.execPath, ['tools/laws.ts']) },
    { name: 'linter, with types', run: () => program(root, 'oxlint', ['--type-aware', '--deny-warnings']) },
    { name: 'types of the packages', run: () => program(root, 'turbo', ['run', 'typecheck', '--output-logs=errors-only']) },
    { name: 'types of tools, bench and e2e', run: () => program(root, 'tsc', ['-p', '.']) },
    { name: 'generated definitions are current', run: () => program(root, process.execPath, ['tools/generate.ts', '--check']) },
    { name: 'definitions equal the wire contract', run: () => compareDefinitions(root) },
    { name: 'Go: format', run: () => formatted(engines) },
    { name: 'Go: vet', run: () => program(engines, 'go', ['vet', './...']) },
    { name: 'Go: tests', run: () => program(engines, 'go', ['test', './...']) },
  ]
}

async function compareDefinitions(root: string): Promise<Verdict> {
  const tool = join(root, '../shared/tools/check-crds.mjs')
  if (!existsSync(tool)) return { kind: 'skipped', why: 'the contract is not beside this checkout (../shared)' }
  const built = globSync('*.yaml', { cwd: join(root, 'charts/weir/crds') })
  const plurals = built.map((name) => name.replace(/^.*_|\.yaml$/g, '')).join(',')
  return program(root, process.execPath, [tool, 'charts/weir/crds', '--only', plurals])
}

async function formatted(folder: string): Promise<Verdict> {
  const { code, output } = await runProgram(folder, 'gofmt', ['-l', '.'])
  return code === 0 && output.trim() === '' ? passed : { kind: 'failed', why: `gofmt -w these:\n${output}` }
}

async function program(folder: string, name: string, args: readonly string[]): Promise<Verdict> {
  const { code, output } = await runProgram(folder, name, args)
  return code === 0 ? passed : { kind: 'failed', why: output }
}

function runProgram(folder: string, name: string, args: readonly string[]): Promise<{ code: number; output: string }> {
  const { promise, resolve } = Promise.withResolvers<{ code: number; output: string }>()
  const child = spawn(name, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1' } })
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk))
  child.on('error', (error) => resolve({ code: 1, output: `${name}: ${error.message}` }))
  child.on('close', (code) => resolve({ code: code ?? 1, output: Buffer.concat(chunks).toString() }))
  return promise
}
