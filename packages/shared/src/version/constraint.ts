import type { Version } from './version.ts'

export interface Constraint {
  readonly raw: string
  check(version: Version): boolean
}

export class VersionError extends Error {
  readonly code: 'constraint'
  constructor(message: string) {
    super(message)
    this.name = 'VersionError'
    this.code = 'constraint'
  }
}

/** Reads a range as Masterminds/semver 3.4.0 does. Throws VersionError on bad input, the empty text included. */
export function parseConstraint(raw: string): Constraint {
  throw new VersionError(`improper constraint: ${raw}`)
}
