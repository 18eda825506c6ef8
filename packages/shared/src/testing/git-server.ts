import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startGitHttp, type GitRequest, type HttpRules } from './git-http.ts'
import { createTestRepository, type During, type TestRepository, type TestFile } from './git-repository.ts'
import { startGitSsh } from './git-ssh.ts'

export interface GitServerOptions extends HttpRules {
  /** Default `http`. */
  readonly transport?: 'http' | 'https' | 'ssh'
  /** With ssh: encrypts the client key that the server hands out. */
  readonly passphrase?: string
  /** Called after each push and each `commit`: where a server's post-receive hook would be. */
  readonly onPush?: (repository: string) => void | Promise<void>
}

/** A Git server of its own for a test: repositories in a temporary directory, on a free port of 127.0.0.1. */
export interface GitServer {
  /** Of the server, without a repository: `http://127.0.0.1:1234`. */
  readonly url: string
  /** `data` of a Secret that logs in (base64 by key); undefined where none is needed. */
  readonly secret: Readonly<Record<string, string>> | undefined
  createRepository(name: string, files?: Readonly<Record<string, TestFile>>): Promise<TestRepository>
  /** HTTP requests so far; for ssh the commands as paths. */
  requests(): readonly GitRequest[]
  /** From now on requests are accepted and never answered, or cut after some bytes of the answer. */
  misbehave(how: 'stall' | 'cut' | 'none'): void
  /** Ends connections and children and removes the repositories; what is to be written to them after that fails. */
  close(): Promise<void>
}

export async function startGitServer(options: GitServerOptions = {}): Promise<GitServer> {
  const root = await mkdtemp(join(tmpdir(), 'weir-git-server-'))
  const { transport = 'http', onPush } = options
  const listener =
    transport === 'ssh'
      ? await startGitSsh(root, { ...(options.passphrase === undefined ? {} : { passphrase: options.passphrase }), ...(onPush ? { onPush } : {}) })
      : await startGitHttp(root, { rules: options, secure: transport === 'https', ...(onPush ? { onPush } : {}) })
  const writing = createGate()
  return {
    url: listener.url,
    secret: listener.secret,
    requests: listener.requests,
    misbehave: listener.misbehave,
    async createRepository(name, files) {
      const url = `${listener.url}/${name}.git`
      const repository = await createTestRepository({ name, dir: join(root, `${name}.git`), url, during: writing.during, ...(onPush ? { onPush } : {}) })
      if (files !== undefined) await repository.commit(files)
      return repository
    },
    async close() {
      await Promise.all([listener.close(), writing.close()])
      await rm(root, { recursive: true, force: true, maxRetries: 5 }) // a push that was cut off may still write
    },
  }
}

/** What runs is waited for, and nothing runs after that: a command that outlives the server would write into a folder that is removed. */
function createGate(): { readonly during: During; close(): Promise<void> } {
  const running = new Set<Promise<unknown>>()
  const state = { isClosed: false }
  return {
    async during(run) {
      if (state.isClosed) throw new Error('the Git server is closed')
      const ending = run()
      running.add(ending)
      return ending.finally(() => running.delete(ending))
    },
    async close() {
      state.isClosed = true
      await Promise.allSettled(running)
    },
  }
}
