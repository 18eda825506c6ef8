import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { importLaw } from './import-law.ts'
import { readRooms } from './rooms.ts'
import { roomLaw, shapeLaw } from './shape-law.ts'
import { readTree } from './tree.ts'
import type { Violation } from './tree.ts'

// `node tools/laws.ts [path]`: what the laws say about the tree, or about the files below one path.
const root = join(import.meta.dirname, '..')
const [only = ''] = process.argv.slice(2)
const tree = readTree(root)
const violations: readonly Violation[] = [
  ...importLaw(tree, readRooms(root)),
  ...shapeLaw(tree),
  ...roomLaw(tree, (path) => existsSync(join(root, path))),
]
const told = violations.filter((violation) => violation.path.startsWith(only))
for (const { path, line, law, message } of told) process.stdout.write(`${path}:${line} [${law}] ${message}\n`)
process.stdout.write(`${tree.length} files, ${told.length} violations\n`)
process.exitCode = told.length === 0 ? 0 : 1
