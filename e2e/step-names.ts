import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { nodesOf, readTree, type SourceFile, type SyntaxNode } from '../tools/tree.ts'

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..')

/** A step as the code names it: `prune`, or `apply ${…}` where a part is only known in a run. */
export interface StepName {
  readonly name: string
  /** From the root of the repository. */
  readonly file: string
}

/** Every place of a package's sources that takes a named step, sorted. Throws on one whose name cannot be read. */
export function readStepNames(folder: string): readonly StepName[] {
  const files = readTree(root).filter((file) => file.path.startsWith(folder) && !file.isTest && !file.path.includes('/testing'))
  const found = files.flatMap((file) => [...nodesOf(file.program)].flatMap((node) => nameIn(node, file)))
  return found.toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

function nameIn(node: SyntaxNode, file: SourceFile): readonly StepName[] {
  if (node.type !== 'CallExpression') return []
  const given = nameArgument(node)
  if (given === undefined) return []
  const name = textOf(given)
  if (name === undefined) throw new Error(`${file.path}: the name of a step cannot be read: ${file.text.slice(node.start, node.start + 60)}`)
  return [{ name, file: file.path }]
}

/** The argument that names a step: of `step(…)`, `step.park(…)`, `running.critical(…)` and of the runtime's own `named(runner, …)`. */
function nameArgument(call: SyntaxNode): SyntaxNode | undefined {
  const { callee, arguments: given } = call as unknown as { readonly callee: SyntaxNode; readonly arguments: readonly SyntaxNode[] }
  const { name, property, computed } = callee as unknown as { readonly name?: string; readonly property?: { readonly name?: string }; readonly computed?: boolean }
  if (name === 'named') return given[1]
  const called = name ?? (computed === true ? '' : (property?.name ?? ''))
  const isStep = callee.type === 'Identifier' ? called === 'step' : called === 'park' || called === 'critical'
  // `through('park')` and the like make a step of any name: what is called with it is found where it is called.
  return isStep && given.length > 1 ? given[0] : undefined
}

function textOf(node: SyntaxNode): string | undefined {
  const { value, quasis } = node as unknown as { readonly value?: unknown; readonly quasis?: readonly { readonly value: { readonly cooked: string } }[] }
  if (typeof value === 'string') return value
  return quasis?.map((each) => each.value.cooked).join('${…}')
}
