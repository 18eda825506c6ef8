import type { Footprint } from './closure/closure.ts'

/** What a tree holds: the part of a manifest that is compared. */
export interface Held {
  readonly files: ReadonlyMap<string, string>
  readonly directories: ReadonlySet<string>
}

/** What differs between two trees. */
export interface Changes {
  /** Files and directories that were added, removed or (files) changed. */
  readonly paths: ReadonlySet<string>
  /** Directories with an entry more or less, or of another kind. */
  readonly listings: ReadonlySet<string>
}

/** Compares two trees once, so that a thousand closures need only a look each. */
export function changesBetween(before: Held, after: Held): Changes {
  const paths = new Set<string>()
  const listings = new Set<string>()
  const entry = (path: string): void => {
    paths.add(path)
    listings.add(parentOf(path))
  }
  for (const [path, digest] of after.files) {
    const known = before.files.get(path)
    if (known === undefined) entry(path)
    else if (known !== digest) paths.add(path)
  }
  for (const path of before.files.keys()) if (!after.files.has(path)) entry(path)
  for (const path of after.directories) if (!before.directories.has(path)) entry(path)
  for (const path of before.directories) if (!after.directories.has(path)) entry(path)
  return { paths, listings }
}

/** Whether a build with this footprint may come out differently. */
export function touches(changes: Changes, footprint: Footprint): boolean {
  if (footprint.whole && changes.paths.size > 0) return true
  return meet(changes.paths, footprint.files) || meet(changes.paths, footprint.absent) || meet(changes.listings, footprint.listed)
}

/** Walks the smaller one: a commit touches a few files, a closure has a few files. */
function meet(changed: ReadonlySet<string>, known: ReadonlyMap<string, string> | ReadonlySet<string>): boolean {
  const [walked, asked] = changed.size <= known.size ? [changed, known] : [known, changed]
  for (const path of walked.keys()) if (asked.has(path)) return true
  return false
}

function parentOf(path: string): string {
  const slash = path.lastIndexOf('/')
  return slash === -1 ? '' : path.slice(0, slash)
}
