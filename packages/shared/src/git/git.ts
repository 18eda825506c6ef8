import type { Login } from '@weir/shared/auth'
import type { TreeLimits } from '@weir/shared/files'
import type { Telemetry } from '@weir/shared/telemetry'

/** What to look at: `spec.ref`. Precedence: commit, name, tag, semver, branch; the branch `master` when nothing is set. */
export interface GitRef {
  readonly branch?: string
  readonly tag?: string
  readonly semver?: string
  /** Full name, such as `refs/heads/main`. */
  readonly name?: string
  /** Full SHA-1 in hex. */
  readonly commit?: string
}

/** One operation on a remote repository. */
export interface RemoteRequest {
  /** `http`, `https` or `ssh`; a login in it is ignored (gitLogin reads it). */
  readonly url: string
  readonly login: Login
  /** Absolute, over all processes of the operation. */
  readonly deadlineMs: number
  readonly signal?: AbortSignal
}

/** What a ref points at now. */
export interface Resolved {
  /** SHA-1 in hex. */
  readonly commit: string
  /** `main@sha1:…`, `v1.2.3@sha1:…`, `refs/heads/main@sha1:…`, `sha1:…` (contract 2.7). */
  readonly revision: string
  /** The remote's ref to fetch; undefined: the commit itself. */
  readonly remoteRef: string | undefined
  /** With a commit: the branch that it has to be part of. */
  readonly branch?: string
}

/** A commit's files in a private directory, byte for byte, without links and without Git's own data. */
export interface Checkout {
  readonly dir: string
  readonly commit: string
  readonly revision: string
  /** First line of the commit message, at most 1,000 characters of it. */
  readonly subject: string
  /** Removes the directory once nobody else uses it. Safe to call twice. */
  release(): Promise<void>
}

export interface Git {
  /** Asks the server, without fetching (except that equal versions are told apart by commit time, and a commit needs no question). */
  resolve(request: RemoteRequest & { readonly ref: GitRef }): Promise<Resolved>
  /**
   * Fetches what was resolved into the mirror of (URL, login) and unpacks it. Concurrent callers with the same request
   * share one fetch and one directory. If the ref has moved since, the checkout says the newer revision.
   */
  checkOut(request: RemoteRequest & { readonly resolved: Resolved }): Promise<Checkout>
  /** Removes the mirrors of every URL that is not among these; one that cannot be read as a URL has none. */
  keepMirrorsOf(urls: Iterable<string>): Promise<void>
  /** Ends what runs and removes checkouts. Mirrors stay for the next start. */
  close(): Promise<void>
}

export interface GitOptions {
  /** Mirrors and temporary files of one process at a time; leftovers of a dead one are cleaned up. */
  readonly cacheDir: string
  readonly telemetry: Telemetry
  /** Of all mirrors together, least recently used first; default 2 GiB. */
  readonly budgetBytes?: number
  /** Of one checkout, and of each file that Git writes for it. */
  readonly limits?: Partial<TreeLimits>
  /** OpenSSH names; empty: its defaults. */
  readonly sshKexAlgorithms?: readonly string[]
  readonly sshHostKeyAlgorithms?: readonly string[]
  /** The process's own environment: git gets PATH, the proxy variables and SSL_CERT_* of it, nothing else. */
  readonly environment?: Readonly<Record<string, string | undefined>>
}
