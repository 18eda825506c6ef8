import { GitError } from './git-error.ts'

/** A server's refs by full name. An annotated tag stands for the commit that it points at. */
export type RemoteRefs = ReadonlyMap<string, string>

/** Reads the output of `git ls-remote`. GitError `unsupported` for a SHA-256 repository. */
export function parseRemoteRefs(output: string): RemoteRefs {
  const refs = new Map<string, string>()
  for (const line of output.split('\n')) {
    const match = /^([0-9a-f]{40,64})\t(\S.*)$/.exec(line)
    if (match === null) continue
    const [, commit = '', name = ''] = match
    if (commit.length !== 40) throw new GitError('unsupported', 'the repository uses SHA-256 object names, which are not supported')
    // A peeled line follows its tag and overrides it.
    refs.set(name.replace(/\^\{\}$/, ''), commit)
  }
  return refs
}

const tagPrefix = 'refs/tags/'

/** Tag name to commit. */
export function tagsOf(refs: RemoteRefs): ReadonlyMap<string, string> {
  const tags = [...refs].filter(([name]) => name.startsWith(tagPrefix))
  return new Map(tags.map(([name, commit]) => [name.slice(tagPrefix.length), commit]))
}
