import { GitError } from './git-error.ts'
import type { GitRef } from './git.ts'

/** What `spec.ref` asks for, after precedence: commit, name, tag, semver, branch (contract 2.7). */
export type RefPlan =
  | { readonly kind: 'commit'; readonly commit: string; readonly branch: string | undefined }
  /** `label` is what the revision calls it. */
  | { readonly kind: 'ref'; readonly remoteRef: string; readonly label: string; readonly follows: 'branch' | 'tag' | 'name' }
  | { readonly kind: 'semver'; readonly range: string }

const defaultBranch = 'master'

/** GitError `invalid-ref` for what Git could take for an option or would refuse as a name. */
export function planRef(ref: GitRef): RefPlan {
  if (isSet(ref.commit)) return planCommit(ref.commit, ref.branch)
  if (isSet(ref.name)) return planName(ref.name)
  if (isSet(ref.tag)) return { kind: 'ref', remoteRef: `refs/tags/${checkedName(ref.tag)}`, label: ref.tag, follows: 'tag' }
  if (isSet(ref.semver)) return { kind: 'semver', range: ref.semver }
  const branch = isSet(ref.branch) ? checkedName(ref.branch) : defaultBranch
  return { kind: 'ref', remoteRef: `refs/heads/${branch}`, label: branch, follows: 'branch' }
}

/** `main@sha1:…`; without a label `sha1:…`. */
export function revisionOf(label: string | undefined, commit: string): string {
  return label === undefined ? `sha1:${commit}` : `${label}@sha1:${commit}`
}

function isSet(text: string | undefined): text is string {
  return text !== undefined && text !== ''
}

function planCommit(commit: string, branch: string | undefined): RefPlan {
  if (!/^[0-9a-f]{40}$/i.test(commit)) throw new GitError('invalid-ref', `commit ${JSON.stringify(commit)} is no full SHA-1`)
  return { kind: 'commit', commit: commit.toLowerCase(), branch: isSet(branch) ? checkedName(branch) : undefined }
}

function planName(name: string): RefPlan {
  if (name.startsWith('/') || name.endsWith('/')) throw new GitError('invalid-ref', `name ${JSON.stringify(name)} starts or ends with a slash`)
  const remoteRef = name.replace(/\^\{\}$/, '')
  checkedName(remoteRef)
  return { kind: 'ref', remoteRef, label: name, follows: 'name' }
}

/** The rules of git-check-ref-format, and no leading dash anywhere. */
function checkedName(name: string): string {
  const parts = name.split('/')
  const isBad =
    name.length > 1024 ||
    /[\u0000-\u0020\u007f~^:?*[\\]/.test(name) ||
    name.includes('..') ||
    name.includes('@{') ||
    name === '@' ||
    name.endsWith('.') ||
    parts.some((part) => part === '' || part.startsWith('.') || part.startsWith('-') || part.endsWith('.lock'))
  if (isBad) throw new GitError('invalid-ref', `${JSON.stringify(name.slice(0, 200))} is no name of a Git reference`)
  return name
}
