import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseSync } from 'oxc-parser'
import { copyTree } from './copy.ts'
import { mutations } from './list.ts'
import { mutate, type Mutation } from './mutation.ts'
import { runTest } from './run-test.ts'

// `npm run mutations -- [NAME …]`: takes each defence away in a private copy of the tree and runs the test that must then fail.
// Ends with 1 when a test is green without its defence, or not green with it.

const root = join(import.meta.dirname, '../..')
const wanted = process.argv.slice(2)
const chosen = mutations.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
const tree = mkdtempSync(join(tmpdir(), 'weir-mutations-'))
try {
  copyTree(root, tree)
  const bad = await proveGreen(chosen)
  for (const each of chosen) if (!(await provesRed(each))) bad.push(each.name)
  print(bad.length === 0 ? `all ${chosen.length} red without their defence` : `not proven: ${bad.join(', ')}`)
  process.exitCode = bad.length === 0 && chosen.length > 0 ? 0 : 1
} finally {
  rmSync(tree, { recursive: true, force: true })
}

/** With every defence in place; names of the files whose tests are not green. */
async function proveGreen(all: readonly Mutation[]): Promise<string[]> {
  const bad: string[] = []
  for (const [file, those] of Map.groupBy(all, ({ test }) => test.file)) {
    const end = await runTest(tree, { file, titles: [...new Set(those.map(({ test }) => test.title))] })
    print(`${end.kind.padEnd(6)} ${file} as it is (${end.count} tests) ${end.says}`)
    if (end.kind !== 'green') bad.push(file)
  }
  return bad
}

async function provesRed({ name, removes, test }: Mutation): Promise<boolean> {
  const before = new Map(removes.map(({ file }) => [file, readFileSync(join(tree, file), 'utf8')] as const))
  try {
    for (const removal of removes) writeMutated(removal.file, mutate(tree, removal))
    const end = await runTest(tree, { file: test.file, titles: [test.title] })
    print(`${end.kind.padEnd(6)} ${name}: ${end.says}`)
    return end.kind === 'red'
  } finally {
    for (const [file, text] of before) writeFileSync(join(tree, file), text)
  }
}

/** What does not even parse would be red for the wrong reason. */
function writeMutated(file: string, text: string): void {
  const [error] = file.endsWith('.ts') ? parseSync(file, text).errors : []
  if (error !== undefined) throw new Error(`${file} does not parse once it is mutated: ${error.message}`)
  writeFileSync(join(tree, file), text)
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
