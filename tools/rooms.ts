import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A room and the rooms it may import; `anyone` only for rooms that are for tests. */
export interface Room {
  readonly name: string
  readonly mayImport: readonly string[] | 'any'
}

/**
 * The table of rooms in `docs/architecture.md`: the page that people read is the one that the law reads. A row is
 * `| room | does | may import |` with the name of the room in backquotes.
 */
export function readRooms(root: string): ReadonlyMap<string, Room> {
  return parseRooms(readFileSync(join(root, 'docs/architecture.md'), 'utf8'))
}

export function parseRooms(markdown: string): ReadonlyMap<string, Room> {
  const rows = markdown.split('\n').filter((line) => line.startsWith('| `'))
  const rooms = rows.map(parseRow).filter((room) => room !== undefined)
  if (rooms.length === 0) throw new Error('no table of rooms found')
  return new Map(rooms.map((room) => [room.name, room]))
}

/** The first cycle among the rooms' rows, as a path that ends where it began. */
export function findRoomCycle(rooms: ReadonlyMap<string, Room>): readonly string[] | undefined {
  const neighbours = new Map([...rooms.values()].map((room) => [room.name, room.mayImport === 'any' ? [] : room.mayImport]))
  return findCycle(neighbours)
}

/** A cycle in a directed graph, as a path that ends where it began. */
export function findCycle(neighbours: ReadonlyMap<string, readonly string[]>): readonly string[] | undefined {
  const done = new Set<string>()
  for (const start of neighbours.keys()) {
    const cycle = walk(start, { neighbours, done, path: [] })
    if (cycle !== undefined) return cycle
  }
  return undefined
}

interface Walk {
  readonly neighbours: ReadonlyMap<string, readonly string[]>
  readonly done: Set<string>
  readonly path: readonly string[]
}

function walk(node: string, state: Walk): readonly string[] | undefined {
  if (state.path.includes(node)) return [...state.path.slice(state.path.indexOf(node)), node]
  if (state.done.has(node)) return undefined
  for (const next of state.neighbours.get(node) ?? []) {
    const cycle = walk(next, { ...state, path: [...state.path, node] })
    if (cycle !== undefined) return cycle
  }
  state.done.add(node)
  return undefined
}

function parseRow(row: string): Room | undefined {
  const [, name, , imports] = row.split('|').map((cell) => cell.trim())
  const room = /^`([a-z-]+)`$/.exec(name ?? '')?.[1]
  if (room === undefined || imports === undefined) return undefined
  return { name: room, mayImport: parseImports(imports) }
}

function parseImports(cell: string): readonly string[] | 'any' {
  if (cell.startsWith('any')) return 'any'
  return cell === 'nothing' ? [] : cell.split(',').map((name) => name.trim())
}
