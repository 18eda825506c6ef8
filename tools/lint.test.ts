import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'

const root = new URL('..', import.meta.url).pathname
const manyLines = Array.from({ length: 301 }, (_, index) => `export const x${index} = ${index}`).join('\n')
const longFunction = `export function long() {\n${'  void 0\n'.repeat(61)}}`
const branchy = `export function branchy(a: number) {\n${Array.from({ length: 13 }, (_, index) => `  if (a === ${index}) return ${index}`).join('\n')}\n  return a\n}`
const deep = 'export function deep(a: number) {\n  if (a) { if (a > 1) { if (a > 2) { if (a > 3) { return 1 } } } }\n  return 2\n}'

/** One planted violation for each law that the linter holds. */
const planted: readonly (readonly [rule: string, text: string])[] = [
  ['max-lines', manyLines],
  ['max-lines-per-function', longFunction],
  ['max-params', 'export function four(a: 1, b: 2, c: 3, d: 4) {\n  return [a, b, c, d]\n}'],
  ['max-depth', deep],
  ['complexity', branchy],
  ['no-console', "console.log('a')"],
  ['no-default-export', 'export default 1'],
  ['no-process-env', 'export const home = process.env.HOME'],
  ['no-explicit-any', 'export const a: any = 1'],
  ['no-non-null-assertion', 'export const a = ([] as number[])[0]!'],
  ['no-floating-promises', 'async function a() {}\na()'],
  ['no-misused-promises', 'export const a = [1].forEach(async () => { await Promise.resolve() })'],
  ['switch-exhaustiveness-check', "export function a(b: 'c' | 'd') {\n  switch (b) {\n    case 'c':\n      return 1\n  }\n  return 2\n}"],
  ['no-param-reassign', 'export function a(b: number) {\n  b = 2\n  return b\n}'],
  ['no-else-return', 'export function a(b: number) {\n  if (b) {\n    return 1\n  } else {\n    return 2\n  }\n}'],
]

describe('the linter', () => {
  const tree = mkdtempSync(join(tmpdir(), 'weir-lint-'))
  let report = ''

  beforeAll(() => {
    cpSync(join(root, '.oxlintrc.json'), join(tree, '.oxlintrc.json'))
    cpSync(join(root, 'tsconfig.base.json'), join(tree, 'tsconfig.base.json'))
    cpSync(join(root, 'tsconfig.json'), join(tree, 'tsconfig.json'))
    symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'))
    for (const [rule, text] of planted) write(`packages/shared/src/http/${rule}.ts`, text)
    write('packages/shared/src/http/fine.test.ts', longFunction)
    write('packages/shared/src/http/options.ts', 'export const home = process.env.HOME')
    write('packages/cli/src/print.ts', "console.log('a')")
    report = lint()
  }, 60_000)

  afterAll(() => rmSync(tree, { recursive: true, force: true }))

  it.each(planted)('refuses %s', (rule) => {
    expect(report).toMatch(new RegExp(`/${rule}\\.ts.*\\(${rule}\\)`))
  })

  it('gives tests, options.ts and the CLI their exemptions', () => {
    expect(report).not.toMatch(/fine\.test\.ts|options\.ts|print\.ts/)
  })

  it('knows every rule that the configuration names', () => {
    expect(() => execFileSync(join(root, 'node_modules/.bin/oxlint'), ['--print-config'], { cwd: root, stdio: 'pipe' })).not.toThrow()
  })

  function write(path: string, text: string): void {
    mkdirSync(dirname(join(tree, path)), { recursive: true })
    writeFileSync(join(tree, path), `${text}\n`)
  }

  function lint(): string {
    return spawnSync(join(root, 'node_modules/.bin/oxlint'), ['--type-aware', '--format=unix'], { cwd: tree, encoding: 'utf8' }).stdout
  }
})
