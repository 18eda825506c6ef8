import type { Key } from './wake.ts'

/** Who depends on whom, kept by the kind from its cache. */
export interface Dependencies {
  set(key: Key, dependsOn: readonly Key[]): void
  remove(key: Key): void
  /** Keys to wake when `key` changes, sorted. */
  dependants(key: Key): readonly Key[]
  /** The shortest cycle through `key`, first and last the same (`[a, b, a]`); undefined if there is none. */
  cycle(key: Key): readonly Key[] | undefined
}

export function createDependencies(): Dependencies {
  throw new Error('dependencies: not built yet')
}

/** "ns/a → ns/b → ns/a" */
export function describeCycle(cycle: readonly Key[]): string {
  return cycle.map((key) => `${key.namespace}/${key.name}`).join(' → ')
}
