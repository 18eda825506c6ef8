import { compareVersions, matching, parseConstraint, VersionError, type Version } from '@weir/shared/version'
import { GitError } from './git-error.ts'
import { revisionOf, type RefPlan } from './git-ref.ts'
import type { Resolved } from './git.ts'
import { tagsOf, type RemoteRefs } from './remote-refs.ts'

/** Which refs the server has to be asked for: a flag of `git ls-remote`. */
export function listingOf(plan: Exclude<RefPlan, { kind: 'commit' }>): '--heads' | '--tags' | undefined {
  if (plan.kind === 'semver' || plan.follows === 'tag') return '--tags'
  return plan.follows === 'branch' ? '--heads' : undefined
}

/** A commit is known without a question. */
export function resolvedCommit(plan: Extract<RefPlan, { kind: 'commit' }>): Resolved {
  return { commit: plan.commit, revision: revisionOf(plan.branch, plan.commit), remoteRef: undefined, ...(plan.branch === undefined ? {} : { branch: plan.branch }) }
}

/** What the plan points at among the server's refs; several where equal versions have to be told apart by commit time. */
export function chooseRefs(plan: Exclude<RefPlan, { kind: 'commit' }>, refs: RemoteRefs): readonly Resolved[] {
  if (plan.kind === 'semver') return chooseTags(plan.range, tagsOf(refs))
  const commit = refs.get(plan.remoteRef)
  return commit === undefined ? [] : [{ commit, revision: revisionOf(plan.label, commit), remoteRef: plan.remoteRef }]
}

/** GitError `invalid-ref` when the range cannot be read. */
function chooseTags(range: string, tags: ReadonlyMap<string, string>): readonly Resolved[] {
  const versions = candidates(range, [...tags.keys()].filter(hasThreeParts))
  const [best] = versions
  if (best === undefined) return []
  const equals = versions.filter((version) => compareVersions(version, best) === 0)
  return equals.map(({ raw }) => {
    const commit = tags.get(raw) ?? ''
    return { commit, revision: revisionOf(raw, commit), remoteRef: `refs/tags/${raw}` }
  })
}

function candidates(range: string, tags: readonly string[]): readonly Version[] {
  try {
    return matching(tags, parseConstraint(range))
  } catch (error) {
    if (error instanceof VersionError) throw new GitError('invalid-ref', `semver ${JSON.stringify(range)} is no version range: ${error.message}`, { cause: error })
    throw error
  }
}

/** Flux reads tags strictly: `v1.2` is no version there (contract 2.7). */
function hasThreeParts(tag: string): boolean {
  return /^v?\d+\.\d+\.\d+(?:[-+]|$)/.test(tag)
}
