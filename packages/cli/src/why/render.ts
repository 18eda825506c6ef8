import { printable, printableLines, showAge } from '../printable.ts'
import type { Colour, Terminal } from '../terminal.ts'
import { adviceFor } from './advice.ts'
import { rootCauses, type Finding, type Place, type State } from './finding.ts'

export interface RenderOptions {
  readonly now: number
  /** Undefined: lines are not cut. */
  readonly columns: number | undefined
  readonly paint: Terminal['paint']
}

/** Lines of one message. */
const mostLines = 12

const words: Readonly<Record<State, readonly [text: string, colour: Colour]>> = {
  ready: ['ready', 'green'],
  failed: ['not ready', 'red'],
  waiting: ['not ready yet', 'yellow'],
  refused: ['refused', 'red'],
  suspended: ['suspended', 'yellow'],
  missing: ['missing', 'red'],
  unreadable: ['cannot be read', 'red'],
}

/** The way down as indented lines, and at the end what to do. */
export function renderFinding(found: Finding, options: RenderOptions): string {
  const lines = [...render(found, { ...options, indent: '', said: '' })]
  const roots = rootCauses(found)
  const advice = [...new Set(roots.flatMap((root) => adviceOf(root)))]
  if (advice.length > 0) lines.push('', options.paint('bold', 'What to do'), ...advice.map((each) => `  ${each}`))
  return lines.join('\n')
}

function adviceOf(root: Finding): readonly string[] {
  const advice = adviceFor(root)
  return advice === undefined ? [] : [`${showWhole(root.place)}: ${advice}`]
}

/** `Kustomization/apps/backend`; a container is named after its Pod. */
export function showPlace({ kind, namespace, name }: Place): string {
  if (kind === 'Container') return `container ${name.split('/').at(-1)}`
  return namespace === '' ? `${kind}/${name}` : `${kind}/${namespace}/${name}`
}

/** Without the lines above it a container needs its Pod. */
function showWhole(place: Place): string {
  return place.kind === 'Container' ? `${showPlace(place)} of Pod/${place.namespace}/${place.name.split('/')[0]}` : showPlace(place)
}

interface Position extends RenderOptions {
  readonly indent: string
  /** The message above: what it holds is not said again. */
  readonly said: string
}

function render(found: Finding, position: Position): readonly string[] {
  const { indent, said, columns } = position
  const body = `${indent}${indent === '' ? '  ' : '   '}`
  const message = said.includes(found.message) ? [] : messageLines(found)
  // An event often says once more what the status says.
  const facts = found.facts.filter((fact) => found.message === '' || !fact.includes(found.message))
  const text = [...message, ...facts.map(printable)].map((line) => fit(body + line, columns))
  const below = { ...position, indent: `${indent}  `, said: found.message }
  return [headOf(found, position), ...text, ...found.causes.flatMap((cause) => render(cause, below))]
}

function headOf({ relation, place, state, reason, revision, since }: Finding, { indent, paint, now }: Position): string {
  const [word, colour] = words[state]
  const arrow = relation === undefined ? '' : `└ ${relation} `
  const is = relation === undefined ? ' is' : ', which is'
  const why = reason === '' || state === 'ready' || state === 'refused' ? '' : `: ${printable(reason)}`
  const age = since === undefined ? '' : `, for ${showAge(since, now)}`
  const at = revision === undefined ? '' : state === 'ready' ? ` at revision ${printable(revision)}` : `, at revision ${printable(revision)}`
  return `${indent}${arrow}${paint('bold', showPlace(place))}${is} ${paint(colour, word)}${why}${at}${age}`
}

function messageLines({ message, state }: Finding): readonly string[] {
  if (state === 'ready') return []
  const lines = printableLines(message)
  return lines.length <= mostLines ? lines : [...lines.slice(0, mostLines), `… ${lines.length - mostLines} more lines`]
}

/** A message is why a person asked: it is wrapped, not cut. */
function fit(line: string, columns: number | undefined): string {
  if (columns === undefined || line.length <= columns) return line
  const indent = /^ */.exec(line)?.[0] ?? ''
  const width = Math.max(columns - indent.length, 20)
  const lines: string[] = []
  let current = ''
  for (const word of line.trim().split(' ')) {
    if (current !== '' && current.length + 1 + word.length > width) {
      lines.push(current)
      current = word
    } else current = current === '' ? word : `${current} ${word}`
  }
  return [...lines, current].map((each) => indent + each).join('\n')
}
