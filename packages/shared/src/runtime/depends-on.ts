import { textOf, type Key } from './wake.ts'

/** Who depends on whom, kept by the kind from its cache. */
export interface Dependencies {
  /** Replaces what `key` depends on. */
  set(key: Key, dependsOn: readonly Key[]): void
  remove(key: Key): void
  /** Keys to wake when `key` changes, sorted. */
  dependants(key: Key): readonly Key[]
  /** The shortest cycle through `key`, first and last the same (`[a, b, a]`); undefined if there is none. */
  cycle(key: Key): readonly Key[] | undefined
}

interface Node {
  readonly key: Key
  readonly dependsOn: readonly Key[]
}

export function createDependencies(): Dependencies {
  const nodes = new Map<string, Node>()
  const dependants = new Map<string, Map<string, Key>>()

  function remove(key: Key): void {
    const text = textOf(key)
    for (const dependency of nodes.get(text)?.dependsOn ?? []) {
      const others = dependants.get(textOf(dependency))
      others?.delete(text)
      if (others?.size === 0) dependants.delete(textOf(dependency))
    }
    nodes.delete(text)
  }

  return {
    set(key, dependsOn) {
      remove(key)
      if (dependsOn.length === 0) return
      nodes.set(textOf(key), { key, dependsOn: dependsOn.toSorted(byText) })
      for (const dependency of dependsOn) {
        const others = dependants.get(textOf(dependency)) ?? new Map<string, Key>()
        dependants.set(textOf(dependency), others.set(textOf(key), key))
      }
    },
    remove,
    dependants: (key) => [...(dependants.get(textOf(key))?.values() ?? [])].sort(byText),
    cycle: (key) => findCycle(key, (from) => nodes.get(textOf(from))?.dependsOn ?? []),
  }
}

/**
 * The shortest way from `start` back to itself, breadth first; a key that only leads into a cycle is in none.
 * `dependsOn` must answer in a stable order: the message of the condition is made from the path.
 */
export function findCycle(start: Key, dependsOn: (key: Key) => readonly Key[]): readonly Key[] | undefined {
  const cameFrom = new Map<string, Key>()
  const frontier: Key[] = [start]
  for (let at = frontier.shift(); at !== undefined; at = frontier.shift()) {
    for (const next of dependsOn(at)) {
      if (textOf(next) === textOf(start)) return [...pathTo(at, start, cameFrom), start]
      if (cameFrom.has(textOf(next))) continue
      cameFrom.set(textOf(next), at)
      frontier.push(next)
    }
  }
  return undefined
}

/** "ns/a → ns/b → ns/a" */
export function describeCycle(cycle: readonly Key[]): string {
  return cycle.map(textOf).join(' → ')
}

function pathTo(end: Key, start: Key, cameFrom: ReadonlyMap<string, Key>): readonly Key[] {
  const path: Key[] = []
  for (let at: Key | undefined = end; at !== undefined && textOf(at) !== textOf(start); at = cameFrom.get(textOf(at))) path.unshift(at)
  return [start, ...path]
}

function byText(a: Key, b: Key): number {
  return textOf(a) < textOf(b) ? -1 : 1
}
