import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { extractTar, FilesError, type TreeLimits } from '@weir/shared/files'
import type { Access } from './access.ts'
import { diskError } from './disk-error.ts'
import { GitError } from './git-error.ts'
import type { Resolved } from './git.ts'
import type { GitCommand, RunGit } from './run-git.ts'

/** What every command of one checkout shares. */
export interface CheckoutJob {
  readonly runGit: RunGit
  readonly url: string
  readonly access: Access
  readonly resolved: Resolved
  readonly endMs: number
  readonly signal: AbortSignal
  readonly limits: TreeLimits
}

/** Commit and first line of its message, or the beginning of that. */
export interface Found {
  readonly commit: string
  readonly subject: string
}

/** Makes an empty bare repository in which no attribute of a tree changes a byte of a file. */
export async function initMirror(runGit: RunGit, dir: string, signal: AbortSignal): Promise<void> {
  await runGit({ args: ['init', '--quiet', '--bare', '--template=', '.'], cwd: dir, attempt: 'make a mirror', endMs: performance.now() + 30_000, signal })
  await mkdir(join(dir, 'info'), { recursive: true })
  // Outranks every .gitattributes of the tree.
  await writeFile(join(dir, 'info', 'attributes'), '* -text -eol -ident -filter -working-tree-encoding -export-subst -export-ignore\n')
}

/** Brings what was resolved into the mirror, if it is not there, and says which commit it is. */
export async function fetchInto(dir: string, job: CheckoutJob): Promise<Found> {
  const { remoteRef, commit } = job.resolved
  if (remoteRef === undefined) return fetchCommit(dir, job)
  const local = localRef(remoteRef)
  const known = await describe(dir, job, local).catch(() => undefined)
  if (known?.commit === commit) return known
  await fetchRefs(dir, job, ['--depth=1', '--', job.url, `+${remoteRef}:${local}`])
  return describe(dir, job, local)
}

/** One commit without a name: asked for directly, or from everything where the server does not allow that. */
async function fetchCommit(dir: string, job: CheckoutJob): Promise<Found> {
  const { commit, branch } = job.resolved
  if (branch !== undefined) return fetchFromBranch(dir, job, branch)
  const known = await describe(dir, job, commit).catch(() => undefined)
  if (known !== undefined) return known
  try {
    await fetchRefs(dir, job, ['--depth=1', '--', job.url, `+${commit}:${localRef(commit)}`])
  } catch (error) {
    if (!(error instanceof GitError) || error.code !== 'ref-not-found') throw error
    await fetchRefs(dir, job, [...(await unshallow(dir)), '--prune', '--', job.url, '+refs/heads/*:refs/full/heads/*', '+refs/tags/*:refs/full/tags/*'])
  }
  return describe(dir, job, commit)
}

/** A commit that must be part of a branch: only the branch's history can tell. */
async function fetchFromBranch(dir: string, job: CheckoutJob, branch: string): Promise<Found> {
  const { commit } = job.resolved
  const local = `refs/full/branch/${localRef(branch).split('/').at(-1) ?? ''}`
  await fetchRefs(dir, job, [...(await unshallow(dir)), '--', job.url, `+refs/heads/${branch}:${local}`])
  const found = await describe(dir, job, commit)
  const base = await readMirror(dir, job, { args: ['merge-base', '--all', commit, local] }).catch(() => '')
  if (!base.split('\n').includes(commit)) throw notFound(job, `commit ${commit} is not part of branch ${branch}`)
  return found
}

async function fetchRefs(dir: string, job: CheckoutJob, args: readonly string[]): Promise<void> {
  await job.runGit({
    args: ['fetch', '--no-tags', '--no-write-fetch-head', '--no-auto-maintenance', '--no-recurse-submodules', ...args],
    cwd: dir,
    access: job.access,
    attempt: `fetch ${job.url}`,
    endMs: job.endMs,
    signal: job.signal,
    maxFileBytes: job.limits.maxBytes,
  })
}

async function unshallow(dir: string): Promise<readonly string[]> {
  const isShallow = await stat(join(dir, 'shallow')).then(
    () => true,
    () => false,
  )
  return isShallow ? ['--unshallow'] : []
}

/** Names of remote refs can collide as files (`a` and `a/b` over time); their digests cannot. */
function localRef(name: string): string {
  return `refs/weir/${createHash('sha256').update(name).digest('hex').slice(0, 40)}`
}

async function describe(dir: string, job: CheckoutJob, object: string): Promise<Found> {
  const args = ['log', '-1', '--no-show-signature', '--format=%H%n%s', `${object}^{commit}`, '--']
  const output = await readMirror(dir, job, { args, enoughBytes: 8 * maxSubjectLength }).catch((error: unknown) => {
    if (error instanceof GitError && error.code === 'failed') throw notFound(job, `${nameOf(job.resolved)} is no commit of the repository`)
    throw error
  })
  const [commit = '', subject = ''] = output.split('\n')
  return { commit, subject: subject.slice(0, maxSubjectLength) }
}

/** A message can be as large as a repository, and be one line. */
const maxSubjectLength = 1_000

function nameOf({ remoteRef, commit }: Resolved): string {
  return remoteRef ?? `commit ${commit}`
}

function notFound(job: CheckoutJob, what: string): GitError {
  return new GitError('ref-not-found', `fetch ${job.url}: ${what}`)
}

function readMirror(dir: string, job: CheckoutJob, command: Pick<GitCommand, 'args' | 'enoughBytes'>): Promise<string> {
  return job.runGit({ ...command, cwd: dir, attempt: `read the mirror of ${job.url}`, endMs: job.endMs, signal: job.signal })
}

/**
 * Writes a commit's files through an archive, so that the rules for archives from strangers hold: no links, no devices,
 * nothing outside, nothing twice, bounds on everything.
 */
export async function unpackCommit(job: CheckoutJob, from: { readonly mirror: string; readonly commit: string }, into: { readonly dir: string; readonly temp: string }): Promise<void> {
  const { mirror, commit } = from
  const file = join(into.temp, 'tree.tar')
  const attempt = `check out ${job.url} at ${commit}`
  await job.runGit({
    args: ['archive', '--format=tar', `--output=${file}`, commit],
    cwd: mirror,
    attempt,
    endMs: job.endMs,
    signal: job.signal,
    // Headers and padding come on top of the content.
    maxFileBytes: job.limits.maxBytes + job.limits.maxEntries * 2048,
  })
  const deadline = AbortSignal.timeout(Math.max(1, Math.ceil(job.endMs - performance.now())))
  try {
    await extractTar(createReadStream(file, { highWaterMark: 1 << 18 }), into.dir, {
      gzip: false,
      backslash: 'keep',
      limits: job.limits,
      signal: AbortSignal.any([job.signal, deadline]),
    })
  } catch (error) {
    throw treeError(error, { attempt, isLate: deadline.aborted })
  }
}

function treeError(error: unknown, { attempt, isLate }: { readonly attempt: string; readonly isLate: boolean }): unknown {
  const isDeadline = isLate && error instanceof FilesError && error.code === 'aborted'
  return isDeadline ? new GitError('timeout', `${attempt}: timed out`, { cause: error }) : diskError(error, attempt)
}

const maxPacks = 40

/** Folds many small packs into one and forgets what no ref reaches any more. */
export async function repackIfMany(runGit: RunGit, dir: string, signal: AbortSignal): Promise<void> {
  const names = await readdir(join(dir, 'objects', 'pack')).catch(() => [])
  if (names.filter((name) => name.endsWith('.pack')).length <= maxPacks) return
  const shared = { cwd: dir, attempt: 'repack a mirror', endMs: performance.now() + 300_000, signal }
  await runGit({ ...shared, args: ['repack', '-a', '-d', '-q'] })
  await runGit({ ...shared, args: ['prune', '--expire=now'] })
}
