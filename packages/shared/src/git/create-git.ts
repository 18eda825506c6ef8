import { createHash } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { AuthError, digestOfLogin, parseGitUrl, type Login } from '@weir/shared/auth'
import { createTempRoot, defaultTreeLimits, type TempDir, type TempRoot, type TreeLimits } from '@weir/shared/files'
import type { Telemetry } from '@weir/shared/telemetry'
import { allowedProtocols, openAccess, type Access } from './access.ts'
import { fetchInto, initMirror, repackIfMany, unpackCommit, type CheckoutJob, type Found } from './checkout.ts'
import { diskError } from './disk-error.ts'
import { GitError } from './git-error.ts'
import { planRef, revisionOf } from './git-ref.ts'
import type { Checkout, Git, GitOptions, GitRef, RemoteRequest, Resolved } from './git.ts'
import { createMirrors, type Mirrors } from './mirrors.ts'
import { parseRemoteRefs, type RemoteRefs } from './remote-refs.ts'
import { chooseRefs, listingOf, resolvedCommit } from './resolve.ts'
import { createRunGit, type RunGit } from './run-git.ts'
import { createSharing, type Sharing } from './share.ts'

const defaultBudgetBytes = 2 * 1024 ** 3

/** Git over the machine's own `git` and `ssh`. Call it once for a cache directory. */
export async function createGit(options: GitOptions): Promise<Git> {
  const temp = await createTempRoot(join(options.cacheDir, 'temp'))
  await temp.purge()
  const home = join(options.cacheDir, 'home')
  await mkdir(home, { recursive: true, mode: 0o700 })
  const closing = new AbortController()
  const runGit = await createRunGit({ dir: home, environment: options.environment ?? {} })
  const room: Room = {
    temp,
    telemetry: options.telemetry,
    runGit,
    mirrors: await createMirrors({
      root: join(options.cacheDir, 'mirrors'),
      budgetBytes: options.budgetBytes ?? defaultBudgetBytes,
      init: (dir) => initMirror(runGit, dir, closing.signal),
      stuck: (mirror, error) => options.telemetry.log.error('a mirror cannot be removed', { mirror, error }),
    }),
    algorithms: { kex: options.sshKexAlgorithms ?? [], hostKeys: options.sshHostKeyAlgorithms ?? [] },
    limits: { ...defaultTreeLimits, ...options.limits },
    closing: closing.signal,
    listings: createSharing<RemoteRefs>(),
    checkouts: createSharing<SharedCheckout>({ unused: ({ dir }) => void dir.remove() }),
    running: new Set(),
  }
  return {
    resolve: (request) => tracked(room, () => resolve(room, request)),
    checkOut: (request) => tracked(room, () => checkOut(room, request)),
    keepMirrorsOf: (urls) => tracked(room, () => keepMirrorsOf(room, urls)),
    async close() {
      closing.abort()
      // Shared work ends after those who asked for it, and what ends may have begun something.
      while (room.running.size > 0) await Promise.allSettled(room.running)
      await temp.purge()
    },
  }
}

/** What every operation shares. */
interface Room {
  readonly temp: TempRoot
  readonly telemetry: Telemetry
  readonly runGit: RunGit
  readonly mirrors: Mirrors
  readonly algorithms: { readonly kex: readonly string[]; readonly hostKeys: readonly string[] }
  readonly limits: TreeLimits
  readonly closing: AbortSignal
  readonly listings: Sharing<RemoteRefs>
  readonly checkouts: Sharing<SharedCheckout>
  /** What `close` waits for. */
  readonly running: Set<Promise<unknown>>
}

async function tracked<T>(room: Room, run: () => Promise<T>): Promise<T> {
  const running = run()
  room.running.add(running)
  try {
    return await running
  } catch (error) {
    if (error instanceof AuthError) throw new GitError('invalid-url', error.message, { cause: error })
    throw error
  } finally {
    room.running.delete(running)
  }
}

/** Name of a mirror and of everything that only equal requests may share. Begins with the digest of the URL, by which a mirror is found whatever its login. */
function keyOf(url: string, request: RemoteRequest): string {
  return `${digestOf(url)}-${digestOf(`${url}\n${digestOfLogin(request.login)}`)}`
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32)
}

async function keepMirrorsOf(room: Room, urls: Iterable<string>): Promise<void> {
  const kept = new Set([...urls].flatMap((url) => digestOfUrl(url)))
  await room.mirrors.keepOnly((key) => kept.has(key.split('-', 1)[0] ?? ''))
}

function digestOfUrl(given: string): readonly string[] {
  try {
    return [digestOf(parseGitUrl(given).url)]
  } catch (error) {
    if (error instanceof AuthError) return []
    throw error
  }
}

async function resolve(room: Room, request: RemoteRequest & { readonly ref: GitRef }): Promise<Resolved> {
  const { url } = parseGitUrl(request.url)
  const plan = planRef(request.ref)
  if (plan.kind === 'commit') return resolvedCommit(plan)
  const endMs = performance.now() + request.deadlineMs
  const refs = await listRefs(room, request, { url, listing: listingOf(plan), endMs })
  const chosen = chooseRefs(plan, refs)
  const [only] = chosen
  if (only === undefined) throw await missing(room, request, { url, endMs, what: plan.kind === 'semver' ? `no tag matches the range ${JSON.stringify(plan.range)}` : `${plan.remoteRef} does not exist` })
  return chosen.length === 1 ? only : newest(room, request, { url, endMs, chosen })
}

interface Listing {
  readonly url: string
  readonly listing: '--heads' | '--tags' | undefined
  readonly endMs: number
}

async function listRefs(room: Room, request: RemoteRequest, { url, listing, endMs }: Listing): Promise<RemoteRefs> {
  const key = `${keyOf(url, request)} ${listing ?? ''}`
  const attempt = `list refs of ${url}`
  const args = ['ls-remote', '--quiet', ...(listing === undefined ? [] : [listing]), '--', url]
  const list = async (access: Access, dir: string, signal: AbortSignal): Promise<RemoteRefs> =>
    parseRemoteRefs(await room.runGit({ args, cwd: dir, access, attempt, endMs, signal: anyOf(signal, room.closing) }))
  return room.listings.run(key, {
    signal: request.signal,
    endMs,
    start: (signal) => tracked(room, () => withAccess(room, { url, login: request.login, attempt }, (access, dir) => list(access, dir, signal))),
  })
}

/** Why nothing was found: an empty repository is another thing than a missing ref. */
async function missing(room: Room, request: RemoteRequest, about: { readonly url: string; readonly endMs: number; readonly what: string }): Promise<GitError> {
  const all = await listRefs(room, request, { url: about.url, listing: undefined, endMs: about.endMs })
  if (all.size === 0) return new GitError('empty', `${about.url}: the repository is empty`)
  return new GitError('ref-not-found', `${about.url}: ${about.what}`)
}

/** Tags of one version, `v1.0.0` and `1.0.0+build`: the commit that was made last counts. */
async function newest(room: Room, request: RemoteRequest, about: { readonly url: string; readonly endMs: number; readonly chosen: readonly Resolved[] }): Promise<Resolved> {
  const signal = anyOf(request.signal, room.closing)
  return withAccess(room, { url: about.url, login: request.login, attempt: `fetch ${about.url}` }, (access) =>
    room.mirrors.use(keyOf(about.url, request), async (dir) => {
      const shared = { runGit: room.runGit, url: about.url, access, endMs: about.endMs, signal, limits: room.limits }
      const dated: { readonly resolved: Resolved; readonly seconds: number }[] = []
      for (const resolved of about.chosen) {
        await fetchInto(dir, { ...shared, resolved })
        const text = await room.runGit({ args: ['log', '-1', '--format=%ct', resolved.commit, '--'], cwd: dir, attempt: 'read a commit time', endMs: about.endMs, signal })
        dated.push({ resolved, seconds: Number(text) })
      }
      const last = dated.reduce((a, b) => (b.seconds > a.seconds ? b : a))
      return last.resolved
    }),
  )
}

/** One directory for all who asked for it. */
interface SharedCheckout extends Found {
  readonly dir: TempDir
  users: number
}

async function checkOut(room: Room, request: RemoteRequest & { readonly resolved: Resolved }): Promise<Checkout> {
  const { url } = parseGitUrl(request.url)
  const { resolved } = request
  const mirrorKey = keyOf(url, request)
  const key = [mirrorKey, resolved.remoteRef ?? '', resolved.branch ?? '', resolved.commit].join(' ')
  const endMs = performance.now() + request.deadlineMs
  const make = (access: Access, temp: string, signal: AbortSignal): Promise<SharedCheckout> => {
    const job: CheckoutJob = { runGit: room.runGit, url, access, resolved, endMs, signal: anyOf(signal, room.closing), limits: room.limits }
    return makeCheckout(room, job, { mirrorKey, temp })
  }
  const shared = await room.checkouts.run(key, {
    signal: request.signal,
    endMs,
    start: (signal) => tracked(room, () => withAccess(room, { url, login: request.login, attempt: `fetch ${url}` }, (access, temp) => make(access, temp, signal))),
  })
  return lend(shared, resolved)
}

async function makeCheckout(room: Room, job: CheckoutJob, { mirrorKey, temp }: { readonly mirrorKey: string; readonly temp: string }): Promise<SharedCheckout> {
  const dir = await room.temp.dir('checkout')
  try {
    const found = await room.mirrors.use(mirrorKey, async (mirror) => {
      const fetched = await fetchInto(mirror, job)
      await unpackCommit(job, { mirror, commit: fetched.commit }, { dir: dir.path, temp })
      return fetched
    })
    void tidy(room, mirrorKey)
    return { ...found, dir, users: 0 }
  } catch (error) {
    await dir.remove()
    // What git could not explain may be a damaged mirror: the next try starts from an empty one.
    if (error instanceof GitError && error.code === 'failed') room.mirrors.drop(mirrorKey)
    throw error
  }
}

/** Nobody waits for this. */
async function tidy(room: Room, mirrorKey: string): Promise<void> {
  if (!room.mirrors.has(mirrorKey)) return
  try {
    await tracked(room, () => room.mirrors.use(mirrorKey, (dir) => repackIfMany(room.runGit, dir, room.closing)))
  } catch (error) {
    room.mirrors.drop(mirrorKey)
    room.telemetry.log.debug('mirror not repacked', { error })
  }
}

function lend(shared: SharedCheckout, resolved: Resolved): Checkout {
  shared.users += 1
  const state = { released: false }
  return {
    dir: shared.dir.path,
    commit: shared.commit,
    revision: shared.commit === resolved.commit ? resolved.revision : revisionOf(labelOf(resolved.revision), shared.commit),
    subject: shared.subject,
    async release() {
      if (state.released) return
      state.released = true
      shared.users -= 1
      if (shared.users === 0) await shared.dir.remove()
    },
  }
}

function labelOf(revision: string): string | undefined {
  const at = revision.lastIndexOf('@')
  return at < 0 ? undefined : revision.slice(0, at)
}

/** One operation on a remote: `attempt` says what on what, for errors; the URL is without a login. */
interface Operation {
  readonly url: string
  readonly login: Login
  readonly attempt: string
}

/** Where the disk is full, mirrors that nobody uses go and it is tried once more. */
async function withAccess<T>(room: Room, operation: Operation, run: (access: Access, dir: string) => Promise<T>): Promise<T> {
  try {
    return await withAccessOnce(room, operation, run)
  } catch (error) {
    if (!(error instanceof GitError) || error.code !== 'full' || !(await room.mirrors.makeRoom())) throw error
    return withAccessOnce(room, operation, run)
  }
}

/** A private directory with the login's files for one operation. */
async function withAccessOnce<T>(room: Room, { url, login, attempt }: Operation, run: (access: Access, dir: string) => Promise<T>): Promise<T> {
  try {
    const dir = await room.temp.dir('login')
    try {
      const { environment, config } = await openAccess(login, dir.path, room.algorithms)
      return await run({ environment: { ...environment, ...allowedProtocols(url) }, config }, dir.path)
    } finally {
      await dir.remove()
    }
  } catch (error) {
    throw diskError(error, attempt)
  }
}

function anyOf(a: AbortSignal | undefined, b: AbortSignal): AbortSignal {
  return a === undefined ? b : AbortSignal.any([a, b])
}
