import type { Constraint } from './constraint.ts'
import { compareVersions, parseVersion } from './version.ts'
import type { Version } from './version.ts'

/** The versions among the tags that the constraint admits, highest first; equal ones keep the order of the tags. */
export function matching(tags: Iterable<string>, constraint: Constraint): readonly Version[] {
  const versions = [...tags].map(parseVersion).filter((version) => version !== undefined)
  return versions.filter((version) => constraint.check(version)).sort((a, b) => compareVersions(b, a))
}

/** The highest version that the constraint admits; `raw` is the tag to ask for. */
export function highest(tags: Iterable<string>, constraint: Constraint): Version | undefined {
  return matching(tags, constraint)[0]
}
