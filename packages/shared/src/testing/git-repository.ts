import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { text } from 'node:stream/consumers'

/** Content of a file; a mode of its own; or `undefined` to delete it. */
export type TestFile = string | Buffer | { readonly mode: '100644' | '100755' | '120000' | '160000'; readonly content: string } | undefined

export interface CommitOptions {
  /** Default `main`. */
  readonly branch?: string
  /** Default `change`. */
  readonly message?: string
  /** Seconds since 1970; default: now. */
  readonly dateSeconds?: number
  /** Start without a parent, as a force push of another history would. */
  readonly orphan?: boolean
}

/** A bare repository that a test writes to directly. */
export interface TestRepository {
  readonly name: string
  readonly dir: string
  readonly url: string
  /** Commits changed files and gives the commit. Tells `onPush`. */
  commit(files: Readonly<Record<string, TestFile>>, options?: CommitOptions): Promise<string>
  /** A lightweight tag, or an annotated one if it has a message. */
  tag(name: string, options?: { readonly at?: string; readonly message?: string }): Promise<void>
  branch(name: string, at?: string): Promise<void>
  /** Any ref: `refs/pull/1/head`. */
  setRef(ref: string, commit: string): Promise<void>
  deleteRef(ref: string): Promise<void>
  resolve(ref: string): Promise<string>
  /** Runs git in the repository and gives its output. */
  git(args: readonly string[], input?: string | Buffer): Promise<string>
}

export type During = <T>(run: () => Promise<T>) => Promise<T>

/** Creates an empty bare repository at `dir`. */
export async function createTestRepository(options: {
  readonly name: string
  readonly dir: string
  readonly url: string
  readonly onPush?: (repository: string) => void | Promise<void>
  /** Runs a git command of the repository; default: at once. */
  readonly during?: During
}): Promise<TestRepository> {
  const { name, dir, url, onPush, during = (run) => run() } = options
  await mkdir(dir, { recursive: true })
  const git = (args: readonly string[], input?: string | Buffer): Promise<string> => during(() => runGit(dir, args, input))
  await git(['init', '--quiet', '--bare', '--initial-branch=main', '.'])
  await git(['config', 'http.receivepack', 'true'])

  const resolve = async (ref: string): Promise<string> => (await git(['rev-parse', '--verify', ref])).trim()
  return {
    name,
    dir,
    url,
    git,
    resolve,
    async commit(files, commit = {}) {
      const ref = `refs/heads/${commit.branch ?? 'main'}`
      const parent = commit.orphan ? undefined : await resolve(ref).catch(() => undefined)
      await git(['fast-import', '--quiet', '--force'], importStream({ ref, parent }, files, commit))
      await onPush?.(name)
      return resolve(ref)
    },
    async tag(tag, { at = 'main', message } = {}) {
      await git(message === undefined ? ['tag', '--', tag, at] : ['tag', '-a', '-m', message, '--', tag, at])
    },
    branch: async (branch, at = 'main') => void (await git(['branch', '--force', '--', branch, at])),
    setRef: async (ref, commit) => void (await git(['update-ref', ref, commit])),
    deleteRef: async (ref) => void (await git(['update-ref', '-d', ref])),
  }
}

function importStream({ ref, parent }: { readonly ref: string; readonly parent: string | undefined }, files: Readonly<Record<string, TestFile>>, options: CommitOptions): Buffer {
  const seconds = options.dateSeconds ?? Math.floor(Date.now() / 1000)
  const parts: Buffer[] = [Buffer.from(`commit ${ref}\ncommitter Test <test@example.com> ${seconds} +0000\n`), dataBlock(options.message ?? 'change')]
  if (parent !== undefined) parts.push(Buffer.from(`from ${parent}\n`))
  for (const [path, file] of Object.entries(files)) parts.push(fileCommand(JSON.stringify(path), file))
  return Buffer.concat([...parts, Buffer.from('\n')])
}

function fileCommand(quoted: string, file: TestFile): Buffer {
  if (file === undefined) return Buffer.from(`D ${quoted}\n`)
  if (typeof file === 'string' || Buffer.isBuffer(file)) return Buffer.concat([Buffer.from(`M 100644 inline ${quoted}\n`), dataBlock(file)])
  if (file.mode === '160000') return Buffer.from(`M 160000 ${file.content} ${quoted}\n`)
  return Buffer.concat([Buffer.from(`M ${file.mode} inline ${quoted}\n`), dataBlock(file.content)])
}

function dataBlock(content: string | Buffer): Buffer {
  const bytes = Buffer.from(content)
  return Buffer.concat([Buffer.from(`data ${bytes.byteLength}\n`), bytes, Buffer.from('\n')])
}

/**
 * A git command without the user's configuration, as program and arguments: `env` adds to this process's environment, so
 * that git is found where the test's own is.
 */
export function gitCommand(args: readonly string[], environment: Readonly<Record<string, string>> = {}): readonly [string, string[]] {
  const settings = Object.entries({ ...testEnvironment, ...environment }).map(([name, value]) => `${name}=${value}`)
  return ['env', ['-u', 'GIT_DIR', ...settings, 'git', ...args]]
}

const testEnvironment = {
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_AUTHOR_NAME: 'Test',
  GIT_AUTHOR_EMAIL: 'test@example.com',
  GIT_COMMITTER_NAME: 'Test',
  GIT_COMMITTER_EMAIL: 'test@example.com',
}

async function runGit(dir: string, args: readonly string[], input?: string | Buffer): Promise<string> {
  const child = spawn(...gitCommand(args), { cwd: dir, stdio: ['pipe', 'pipe', 'pipe'] })
  child.stdin.on('error', () => undefined)
  child.stdin.end(input ?? '')
  const [output, errors, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  if (code !== 0) throw new Error(`git ${args.join(' ')}: ${errors}`)
  return output
}
