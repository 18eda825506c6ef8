import type { Artifact, GitRepository } from '@weir/shared/api'
import type { Checkout, Resolved } from '@weir/shared/git'
import { isStop, ready, type Outcome, type Stop } from '@weir/shared/runtime'
import { readLogin } from './login.ts'
import { refuseUnsupported } from './not-supported.ts'
import { sourceOf, type Deps, type Remote, type RepositoryStep } from './ports.ts'
import { gitStop, storeStop } from './stops.ts'
import { isUnchanged } from './unchanged.ts'

/** Makes the stored artifact match the revision that `spec.ref` points at. Knows no conditions. */
export async function reconcileGitRepository(repository: GitRepository, deps: Deps, step: RepositoryStep): Promise<Outcome> {
  const refused = refuseUnsupported(repository)
  if (refused) return refused
  const stored = await step('check storage', () => checkStorage(repository, deps, step))
  if (isStop(stored)) return stored
  const { artifact: known } = stored
  const remote = await step('read login', (signal) => readLogin(repository, deps, signal))
  if (isStop(remote)) return remote
  // Git has a deadline of its own, spec.timeout, over all of its processes.
  const resolved = await step('resolve revision', (signal) => resolve(repository, { deps, remote, signal }), { deadlineMs: remote.deadlineMs + graceMs })
  if (isStop(resolved)) return resolved
  if (isUnchanged(repository, resolved.revision, known)) {
    step.note({ artifact: known }) // its address may be another one since the last start
    return inStorage(known)
  }

  announceNewRevision(repository, resolved, step)
  const checkout = await step('check out', (signal) => checkOut(repository, { deps, remote, resolved, signal }), { deadlineMs: remote.deadlineMs + graceMs })
  if (isStop(checkout)) return checkout
  try {
    const artifact = await step('store artifact', (signal) => storeArtifact(repository, { deps, checkout, signal }), { deadlineMs: storeDeadlineMs })
    if (isStop(artifact)) return artifact
    step.note({ artifact, observedIgnore: repository.spec.ignore, ...othersObserved })
    deps.remember(repository, checkout.subject)
    return inStorage(artifact)
  } finally {
    await checkout.release()
  }
}

/** What another implementation noted about fields that are refused here: this artifact was made without them. */
const othersObserved = { observedInclude: undefined, observedRecurseSubmodules: undefined, observedSparseCheckout: undefined, includedArtifacts: undefined }

/** A step ends after what runs in it has had its own deadline. */
const graceMs = 5_000
const storeDeadlineMs = 300_000

interface Storage {
  readonly artifact: Artifact | undefined
}

/** Lets go what has expired, and says what is stored and whole; an artifact that is gone or damaged is built anew. */
async function checkStorage(repository: GitRepository, { store, tellCorrupt }: Deps, step: RepositoryStep): Promise<Storage | Stop> {
  const artifact = repository.status?.artifact
  try {
    await store.retain({ ...sourceOf(repository), ...(artifact ? { current: artifact } : {}) })
    if (artifact === undefined) return { artifact }
    const state = await store.check(artifact)
    if (state === 'ok') return { artifact: store.advertise(artifact) }
    if (state === 'corrupt') tellCorrupt(repository, artifact)
    step.note({ artifact: undefined })
    step.progress({ message: 'building artifact: disappeared from storage', drops: ['ArtifactInStorage'] })
    return { artifact: undefined }
  } catch (error) {
    return storeStop(error)
  }
}

interface Resolving {
  readonly deps: Deps
  readonly remote: Remote
  readonly signal: AbortSignal
}

async function resolve(repository: GitRepository, { deps, remote, signal }: Resolving): Promise<Resolved | Stop> {
  try {
    return await deps.git.resolve({ ...remote, ref: repository.spec.ref ?? {}, signal })
  } catch (error) {
    signal.throwIfAborted()
    return gitStop(error, followsBranch(repository))
  }
}

/** Said by the write after 2 s, if the run takes that long; a first artifact outdates nothing. */
function announceNewRevision(repository: GitRepository, { revision }: Resolved, step: RepositoryStep): void {
  const message = `new upstream revision '${revision}'`
  const raises = repository.status?.artifact ? [{ type: 'ArtifactOutdated', reason: 'NewRevision', message }] : []
  step.progress({ message: `building artifact: ${message}`, raises })
}

async function checkOut(repository: GitRepository, { deps, remote, resolved, signal }: Resolving & { readonly resolved: Resolved }): Promise<Checkout | Stop> {
  try {
    const checkout = await deps.git.checkOut({ ...remote, resolved, signal })
    if (signal.aborted) await checkout.release() // the value of an aborted step reaches nobody who could
    signal.throwIfAborted()
    return checkout
  } catch (error) {
    signal.throwIfAborted()
    return gitStop(error, followsBranch(repository))
  }
}

function followsBranch({ spec }: GitRepository): boolean {
  const { commit, name, tag, semver } = spec.ref ?? {}
  return !commit && !name && !tag && !semver
}

interface Storing {
  readonly deps: Deps
  readonly checkout: Checkout
  readonly signal: AbortSignal
}

async function storeArtifact(repository: GitRepository, { deps, checkout, signal }: Storing): Promise<Artifact | Stop> {
  const { ignore } = repository.spec
  try {
    return await deps.store.put({
      ...sourceOf(repository),
      file: `${checkout.commit}.tar.gz`,
      tree: checkout.dir,
      revision: checkout.revision,
      ...(ignore === undefined ? {} : { ignore }),
      signal,
    })
  } catch (error) {
    signal.throwIfAborted()
    return storeStop(error)
  }
}

const inStorage = ({ revision }: Artifact): Outcome => ready('Succeeded', `stored artifact for revision '${revision}'`, ['ArtifactInStorage'])
