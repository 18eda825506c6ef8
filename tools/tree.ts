import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseSync } from 'oxc-parser'
import type { EcmaScriptModule, Program } from 'oxc-parser'

/** One import, export-from or `import()` of a file. */
export interface Import {
  readonly specifier: string
  /** Erased before anything runs. */
  readonly typeOnly: boolean
  readonly line: number
}

/** A parsed TypeScript file of `packages/<package>/src`. */
export interface SourceFile {
  /** From the root of the repository, with `/`. */
  readonly path: string
  readonly text: string
  readonly program: Program
  readonly imports: readonly Import[]
  readonly isTest: boolean
}

/** What a law says about one place. */
export interface Violation {
  readonly path: string
  readonly line: number
  readonly law: string
  readonly message: string
}

/** Every TypeScript file of the packages, parsed. A file that does not parse throws. */
export function readTree(root: string): readonly SourceFile[] {
  const paths = globSync('packages/*/src/**/*.ts', { cwd: root }).toSorted()
  return paths.map((path) => parseSource(path, readFileSync(join(root, path), 'utf8')))
}

export function parseSource(path: string, text: string): SourceFile {
  const parsed = parseSync(path, text)
  const [error] = parsed.errors
  if (error !== undefined) throw new Error(`${path}: ${error.message}`)
  return { path, text, program: parsed.program, imports: [...importsOf(parsed.module, text), ...typeImportsOf(parsed.program, text)], isTest: path.endsWith('.test.ts') }
}

export function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}

/** Depth-first over every node of a syntax tree. */
export function* nodesOf(node: unknown): Generator<SyntaxNode> {
  if (Array.isArray(node)) for (const one of node) yield* nodesOf(one)
  if (!isSyntaxNode(node)) return
  yield node
  for (const value of Object.values(node)) if (typeof value === 'object') yield* nodesOf(value)
}

/** Any node: its type and place are sure, the rest is looked at with care. */
export interface SyntaxNode {
  readonly type: string
  readonly start: number
  readonly [key: string]: unknown
}

export function isSyntaxNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string' && 'start' in value
}

function importsOf(module: EcmaScriptModule, text: string): readonly Import[] {
  const imports = module.staticImports.map((one) => ({
    specifier: one.moduleRequest.value,
    typeOnly: one.entries.length > 0 && one.entries.every((entry) => entry.isType),
    line: lineOf(text, one.start),
  }))
  const reexports = module.staticExports.flatMap((one) => {
    const specifier = one.entries[0]?.moduleRequest?.value
    if (specifier === undefined) return []
    return [{ specifier, typeOnly: one.entries.every((entry) => entry.isType), line: lineOf(text, one.start) }]
  })
  const lazy = module.dynamicImports.map((one) => ({
    specifier: text.slice(one.moduleRequest.start, one.moduleRequest.end).replaceAll(/^['"`]|['"`]$/g, ''),
    typeOnly: false,
    line: lineOf(text, one.start),
  }))
  return [...imports, ...reexports, ...lazy]
}

/** `import('./x.ts').T` in a type. */
function typeImportsOf(program: Program, text: string): readonly Import[] {
  const nodes = [...nodesOf(program)].filter((node) => node.type === 'TSImportType' && isSyntaxNode(node['source']))
  return nodes.map((node) => ({
    specifier: String(isSyntaxNode(node['source']) ? node['source']['value'] : ''),
    typeOnly: true,
    line: lineOf(text, node.start),
  }))
}
