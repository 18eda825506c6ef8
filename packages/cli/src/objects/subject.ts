import { CliError, exitCodes } from '../exit-codes.ts'
import { findKind, type NamedKind } from './kinds.ts'

/** What a command is asked about: a kind, or one object of it. */
export interface Subject {
  readonly kind: NamedKind
  readonly name: string | undefined
}

/** Reads `KIND`, `KIND/NAME` and `KIND NAME`. CliError `usage`. */
export function parseSubject(words: readonly string[], kinds: readonly NamedKind[]): Subject | undefined {
  const [first, second, third] = words
  if (first === undefined) return undefined
  const [kindName = '', inner, more] = first.split('/')
  const name = inner ?? second
  if (more !== undefined || third !== undefined || (inner !== undefined && second !== undefined)) throw usage(`one object at a time: ${words.join(' ')}`)
  const kind = findKind(kindName, kinds)
  if (kind === undefined) throw usage(`no such kind: ${JSON.stringify(kindName)}; known are ${kinds.map((each) => each.kind).join(', ')}`)
  if (name !== undefined && !/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(name)) throw usage(`not a name of an object: ${JSON.stringify(name)}`)
  return { kind, name }
}

function usage(message: string): CliError {
  return new CliError(exitCodes.usage, message)
}
