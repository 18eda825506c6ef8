import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** One defence taken away, and the test that must then fail. */
export interface Mutation {
  /** Unique; docs/security.md names it in the row of its class. */
  readonly name: string
  /** All of them at once: where one defence stands behind another, both have to go. */
  readonly removes: readonly Removal[]
  readonly test: TestName
}

/** A text that is in a file exactly once, and what stands there without the defence. */
export interface Removal {
  /** From the root of the repository. */
  readonly file: string
  readonly search: string
  readonly replace: string
}

export interface TestName {
  /** From the root of the repository. */
  readonly file: string
  /** Part of the full name, as jest prints it. */
  readonly title: string
}

/** A source file without its defence. Throws where the text to remove is not there exactly once: the mutation has to follow the code. */
export function mutate(root: string, { file, search, replace }: Removal): string {
  const text = readFileSync(join(root, file), 'utf8')
  const found = text.split(search).length - 1
  if (found !== 1) throw new Error(`${file} holds ${found} times, not once: ${JSON.stringify(search)}`)
  return text.replace(search, () => replace)
}
