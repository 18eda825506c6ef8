import { posix } from 'node:path'
import { isSyntaxNode, lineOf, nodesOf } from './tree.ts'
import type { SourceFile, SyntaxNode, Violation } from './tree.ts'

const bannedWords = new Set([
  'manager',
  'helper',
  'helpers',
  'util',
  'utils',
  'common',
  'handler',
  'handlers',
  'processor',
  'service',
  'data',
  'info',
  'item',
  'items',
  'do',
  'perform',
])

/** Words of the APIs that we speak, and of the engine: they are called what they are called. */
const wordsOfTheApi = /field-?managers?|common-?metadata|service-?account|api-?service|secret-?data|kustomize-?service/gi

/** The one place where the word is the right one. */
const theManager = 'packages/shared/src/runtime/manager.ts'

/** The only file that makes conditions. */
const theMint = 'packages/shared/src/runtime/status.ts'

/** Most files of one folder, tests and its door not counted. */
const maxFiles = 16

/** What code may look like, beyond what the linter can say. */
export function shapeLaw(tree: readonly SourceFile[]): readonly Violation[] {
  return [...tree.flatMap(fileViolations), ...crowdedFolders(tree)]
}

/** Rooms without what every room has; `exists` answers for a path from the root. */
export function roomLaw(tree: readonly SourceFile[], exists: (path: string) => boolean): readonly Violation[] {
  const rooms = new Set(tree.flatMap((file) => /^packages\/shared\/src\/[a-z-]+/.exec(file.path)?.[0] ?? []))
  const wanted = [...rooms].flatMap((room) => [`${room}/index.ts`, `${room}/README.md`])
  return wanted.filter((path) => !exists(path)).map((path) => ({ path, line: 1, law: 'rooms', message: 'a room has a door and a README.md' }))
}

function fileViolations(file: SourceFile): readonly Violation[] {
  const at = (node: { readonly start: number }, law: string, message: string): Violation => ({
    path: file.path,
    line: lineOf(file.text, node.start),
    law,
    message,
  })
  const found = [...nodesOf(file.program)].flatMap((node) =>
    nodeRules.flatMap(([law, breaks]) => {
      const message = breaks(node, file)
      return message === undefined ? [] : [at(node, law, message)]
    }),
  )
  return [...found, ...topLevelLets(file), ...bannedFileName(file), ...bannedExports(file)].toSorted((a, b) => a.line - b.line)
}

type NodeRule = readonly [law: string, breaks: (node: SyntaxNode, file: SourceFile) => string | undefined]

const nodeRules: readonly NodeRule[] = [
  ['enums', (node) => (node.type === 'TSEnumDeclaration' ? 'a union of strings instead of an enum' : undefined)],
  ['namespaces', (node) => (node.type === 'TSModuleDeclaration' && node['kind'] !== 'global' ? 'no namespaces' : undefined)],
  ['decorators', (node) => (node.type === 'Decorator' ? 'no decorators' : undefined)],
  ['classes', (node) => (isClass(node) && !extendsError(node) ? 'no class but an Error: a factory instead' : undefined)],
  ['export-star', (node) => (node.type === 'ExportAllDeclaration' ? 'a door spells its names out' : undefined)],
  ['default-export', (node) => (node.type === 'ExportDefaultDeclaration' ? 'no default exports' : undefined)],
  ['mint', (node, file) => (isConditionCast(node) && file.path !== theMint && !file.isTest ? 'conditions are made in runtime/status.ts alone' : undefined)],
  ['process', processRule],
  ['mocks', mocksRule],
]

/** Flags and environment are read in options.ts alone, and a room never ends the process. */
function processRule(node: SyntaxNode, file: SourceFile): string | undefined {
  const member = memberName(node)
  const isExempt = file.isTest || file.path.startsWith('packages/cli/src/') || posix.basename(file.path) === 'options.ts'
  return !isExempt && (member === 'process.env' || member === 'process.argv') ? `${member} is read in options.ts alone` : undefined
}

/** Tests run on real parts, all of them, and a skipped one says why in its title. */
function mocksRule(node: SyntaxNode, file: SourceFile): string | undefined {
  if (!file.isTest) return undefined
  const member = memberName(node)
  if (member === 'jest.mock' || member === 'jest.unstable_mockModule') return 'no mocked modules: the real part instead'
  return /^(it|test|describe)\.(only|todo)$/.test(member ?? '') ? `${member} is not for the tree` : undefined
}

function memberName(node: SyntaxNode): string | undefined {
  if (node.type !== 'MemberExpression') return undefined
  const { object, property } = node
  return isSyntaxNode(object) && isSyntaxNode(property) ? `${String(object['name'])}.${String(property['name'])}` : undefined
}

function isClass(node: SyntaxNode): boolean {
  return node.type === 'ClassDeclaration' || node.type === 'ClassExpression'
}

function extendsError(node: SyntaxNode): boolean {
  return isSyntaxNode(node['superClass']) && String(node['superClass']['name']) === 'Error'
}

function isConditionCast(node: SyntaxNode): boolean {
  if (node.type !== 'TSAsExpression' && node.type !== 'TSTypeAssertion') return false
  const [name] = [...nodesOf(node['typeAnnotation'])].filter((inner) => inner.type === 'Identifier')
  return name?.['name'] === 'Condition'
}

function topLevelLets(file: SourceFile): readonly Violation[] {
  if (file.isTest) return []
  return file.program.body.flatMap((statement) => {
    const declared = statement.type === 'ExportNamedDeclaration' ? statement.declaration : statement
    if (declared?.type !== 'VariableDeclaration' || declared.kind === 'const' || declared.declare === true) return []
    return [{ path: file.path, line: lineOf(file.text, statement.start), law: 'module-let', message: 'no state in modules: pass it' }]
  })
}

function bannedFileName(file: SourceFile): readonly Violation[] {
  const folders = file.path.split('/').slice(3)
  const banned = folders.flatMap((name) => wordsOf(name.replace(/(\.test)?\.ts$/, ''))).find((word) => bannedWords.has(word))
  if (banned === undefined || file.path.replace('.test.ts', '.ts') === theManager) return []
  return [{ path: file.path, line: 1, law: 'names', message: `"${banned}" says nothing in a file name` }]
}

function bannedExports(file: SourceFile): readonly Violation[] {
  if (file.isTest || file.path === theManager) return []
  const exported = file.program.body.flatMap((statement) =>
    statement.type === 'ExportNamedDeclaration' && statement.declaration !== null ? [statement] : [],
  )
  return exported.flatMap((statement) =>
    declaredNames(statement.declaration).flatMap((name) => {
      const banned = wordsOf(name).find((word) => bannedWords.has(word))
      if (banned === undefined) return []
      return [{ path: file.path, line: lineOf(file.text, statement.start), law: 'names', message: `"${banned}" says nothing in ${name}` }]
    }),
  )
}

function declaredNames(declaration: unknown): readonly string[] {
  if (!isSyntaxNode(declaration)) return []
  const declarations = declaration['declarations']
  const ids = Array.isArray(declarations) ? declarations.map((one) => (isSyntaxNode(one) ? one['id'] : undefined)) : [declaration['id']]
  return ids.flatMap((id) => (isSyntaxNode(id) && typeof id['name'] === 'string' ? [id['name']] : []))
}

function wordsOf(name: string): readonly string[] {
  return name
    .replaceAll(wordsOfTheApi, '')
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replaceAll(/([A-Z]+)([A-Z][a-z])/g, '$1-$2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
}

function crowdedFolders(tree: readonly SourceFile[]): readonly Violation[] {
  const counted = tree.filter((file) => !file.isTest && posix.basename(file.path) !== 'index.ts')
  const folders = Map.groupBy(counted, (file) => posix.dirname(file.path))
  return [...folders].flatMap(([path, files]) =>
    files.length > maxFiles ? [{ path, line: 1, law: 'crowded', message: `${files.length} files: a room holds about 12, at most ${maxFiles}` }] : [],
  )
}
