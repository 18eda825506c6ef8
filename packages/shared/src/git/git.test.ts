import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { execFileSync } from 'node:child_process'
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gitLogin, type Login } from '@weir/shared/auth'
import { createGit, GitError, type Checkout, type Git, type GitOptions, type GitRef } from '@weir/shared/git'
import { quietTelemetry } from '@weir/shared/telemetry'
import { startGitServer, type GitServer, type TestRepository } from '@weir/shared/testing'

const none: Login = { kind: 'none' }

let cacheDir: string
let git: Git
beforeEach(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'weir-git-'))
  git = await open()
})
afterEach(async () => {
  await git.close()
  await rm(cacheDir, { recursive: true, force: true })
})

function open(options: Partial<GitOptions> = {}): Promise<Git> {
  return createGit({ cacheDir, telemetry: quietTelemetry(), ...options })
}

interface Wish {
  readonly url: string
  readonly login?: Login
  readonly ref?: GitRef
  readonly deadlineMs?: number
  readonly signal?: AbortSignal
}

async function checkOut({ login = none, ref = { branch: 'main' }, deadlineMs = 20_000, ...rest }: Wish): Promise<Checkout> {
  const request = { ...rest, login, deadlineMs }
  const resolved = await git.resolve({ ...request, ref })
  return git.checkOut({ ...request, resolved })
}

async function errorOf(run: Promise<unknown>): Promise<GitError> {
  const error = await run.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof GitError)) throw new Error('expected a GitError', { cause: error })
  return error
}

/** Every git or ssh process that works below our cache directory. */
function strays(): string[] {
  const lines = execFileSync('ps', ['-eo', 'pid,args', 'e'], { encoding: 'utf8', maxBuffer: 64 << 20 }).split('\n')
  return lines.filter((line) => line.includes(`HOME=${cacheDir}/home`) && !line.includes('defunct'))
}

describe('refs over http', () => {
  let server: GitServer
  let repository: TestRepository
  let first: string
  let second: string
  beforeAll(async () => {
    server = await startGitServer()
    repository = await server.createRepository('fleet')
    first = await repository.commit({ 'app/one.yaml': 'one\n', 'run.sh': { mode: '100755', content: '#!/bin/sh\n' } }, { message: 'first: subject\n\nbody', dateSeconds: 1_000_000_000 })
    await repository.tag('v1.0.0')
    await repository.branch('feat/x')
    second = await repository.commit({ 'app/two.yaml': 'two\n' }, { message: 'second', dateSeconds: 1_000_000_100 })
    await repository.tag('v1.2.0', { message: 'annotated' })
    await repository.tag('1.2.0+newer', { at: first })
    await repository.tag('v2.0.0-rc.1')
    await repository.tag('v9')
    await repository.setRef('refs/pull/1/head', first)
  })
  afterAll(() => server.close())

  const table: readonly (readonly [string, GitRef, () => string])[] = [
    ['a branch', { branch: 'main' }, () => `main@sha1:${second}`],
    ['a branch with a slash', { branch: 'feat/x' }, () => `feat/x@sha1:${first}`],
    ['a tag', { tag: 'v1.0.0' }, () => `v1.0.0@sha1:${first}`],
    ['an annotated tag as its commit', { tag: 'v1.2.0' }, () => `v1.2.0@sha1:${second}`],
    ['a range, of equal versions the newer commit', { semver: '>=1.0.0 <2.0.0' }, () => `v1.2.0@sha1:${second}`],
    ['a range with prereleases', { semver: '>=2.0.0-0' }, () => `v2.0.0-rc.1@sha1:${second}`],
    ['a full name', { name: 'refs/heads/main' }, () => `refs/heads/main@sha1:${second}`],
    ['any name', { name: 'refs/pull/1/head' }, () => `refs/pull/1/head@sha1:${first}`],
    ['the name of an annotated tag', { name: 'refs/tags/v1.2.0' }, () => `refs/tags/v1.2.0@sha1:${second}`],
  ]
  it.each(table)('checks out %s', async (_what, ref, revision) => {
    const checkout = await checkOut({ url: repository.url, ref })
    expect(checkout.revision).toBe(revision())
    expect(await readFile(join(checkout.dir, 'app/one.yaml'), 'utf8')).toBe('one\n')
    await checkout.release()
    await expect(stat(checkout.dir)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('checks out a commit, alone and as part of a branch, whatever else is set', async () => {
    const alone = await checkOut({ url: repository.url, ref: { commit: first, tag: 'v1.2.0' } })
    expect([alone.revision, alone.subject]).toEqual([`sha1:${first}`, 'first: subject'])
    expect((await stat(join(alone.dir, 'run.sh'))).mode & 0o111).toBe(0o111)
    const inBranch = await checkOut({ url: repository.url, ref: { commit: first, branch: 'main' } })
    expect(inBranch.revision).toBe(`main@sha1:${first}`)
    expect((await errorOf(checkOut({ url: repository.url, ref: { commit: second, branch: 'feat/x' } }))).code).toBe('ref-not-found')
    expect((await errorOf(checkOut({ url: repository.url, ref: { commit: '1'.repeat(40) } }))).code).toBe('ref-not-found')
  })

  it('says what is missing', async () => {
    const empty = await server.createRepository('empty')
    expect((await errorOf(checkOut({ url: repository.url, ref: {} }))).message).toContain('refs/heads/master does not exist')
    expect((await errorOf(checkOut({ url: repository.url, ref: { tag: 'nope' } }))).code).toBe('ref-not-found')
    expect((await errorOf(checkOut({ url: repository.url, ref: { semver: '>=3' } }))).code).toBe('ref-not-found')
    expect((await errorOf(checkOut({ url: empty.url }))).code).toBe('empty')
    expect((await errorOf(checkOut({ url: `${server.url}/nowhere.git` }))).code).toBe('not-found')
    expect((await errorOf(checkOut({ url: 'http://127.0.0.1:9/x.git' }))).code).toBe('unreachable')
  })

  it('says the same on every try', async () => {
    const messages = [await errorOf(checkOut({ url: 'http://127.0.0.1:9/x.git' })), await errorOf(checkOut({ url: 'http://127.0.0.1:9/x.git' }))]
    expect(messages[0]?.message).toBe('list refs of http://127.0.0.1:9/x.git: the connection failed: 127.0.0.1 port 9: it takes no connection')
    expect(messages[1]?.message).toBe(messages[0]?.message)
  })

  it.each([
    { branch: '--upload-pack=touch /tmp/weir-owned' },
    { branch: 'a/-b' },
    { tag: '-x' },
    { name: '--exec=id' },
    { name: '/refs/heads/main' },
    { branch: 'a..b' },
    { branch: 'a\nb' },
    { branch: 'a:refs/heads/b' },
    { commit: 'main' },
    { commit: '--all' },
    { semver: 'not a range' },
  ])('refuses %j', async (ref) => {
    expect((await errorOf(checkOut({ url: repository.url, ref }))).code).toBe('invalid-ref')
  })

  it.each(['ext::sh -c id', 'file:///etc', '/etc', '--upload-pack=id', 'ssh://-oProxyCommand=id/x', 'http://', 'http://h/a\nb', 'git://h/x'])('refuses the URL %j', async (url) => {
    expect((await errorOf(checkOut({ url }))).code).toBe('invalid-url')
  })

  it('follows a force push and a branch that became a folder', async () => {
    const moving = await server.createRepository('moving', { 'a': '1' })
    await moving.branch('x')
    await (await checkOut({ url: moving.url, ref: { branch: 'x' } })).release()
    await moving.deleteRef('refs/heads/x')
    await moving.branch('x/y')
    await (await checkOut({ url: moving.url, ref: { branch: 'x/y' } })).release()
    const other = await moving.commit({ 'b': '2' }, { orphan: true })
    const checkout = await checkOut({ url: moving.url })
    expect(checkout.commit).toBe(other)
    expect(await readdir(checkout.dir)).toEqual(['b'])
  })

  it('shares one fetch and one directory among equal requests, and keeps it until the last releases', async () => {
    const shared = await server.createRepository('shared', { 'a': '1' })
    const before = server.requests().length
    const checkouts = await Promise.all(Array.from({ length: 5 }, () => checkOut({ url: shared.url })))
    const packs = server.requests().slice(before).filter(({ method }) => method === 'POST')
    expect(new Set(checkouts.map(({ dir }) => dir)).size).toBe(1)
    expect(packs.length).toBe(3) // one ls-refs to list; one ls-refs and one fetch to check out
    for (const checkout of checkouts.slice(1)) await checkout.release()
    expect(await readFile(join(checkouts[0]?.dir ?? '', 'a'), 'utf8')).toBe('1')
    await checkouts[0]?.release()
    expect((await readdir(join(cacheDir, 'temp'))).filter((name) => name.startsWith('checkout'))).toEqual([])
  })

  it('asks only for refs when the mirror has the commit, also after a restart', async () => {
    await (await checkOut({ url: repository.url })).release()
    await git.close()
    git = await open()
    const before = server.requests().length
    await (await checkOut({ url: repository.url })).release()
    expect(server.requests().slice(before).map(({ path }) => path)).toEqual(['/fleet.git/info/refs?service=git-upload-pack', '/fleet.git/git-upload-pack'])
  })

  it('drops the mirror that was used longest ago when there are too many bytes', async () => {
    await git.close()
    git = await open({ budgetBytes: 1 })
    await (await checkOut({ url: repository.url })).release()
    await git.close()
    expect(await readdir(join(cacheDir, 'mirrors'))).toEqual([])
  })

  it('ends a git that was only about to start: on a busy machine its group does not exist yet', async () => {
    const bin = join(cacheDir, 'bin')
    await mkdir(bin)
    await writeFile(join(bin, 'setsid'), '#!/bin/sh\nsleep 0.4\nexec /usr/bin/setsid "$@"\n', { mode: 0o755 })
    await git.close()
    git = await open({ environment: { PATH: `${bin}:/usr/local/bin:/usr/bin:/bin` } })
    server.misbehave('stall')
    try {
      const ended = errorOf(checkOut({ url: repository.url, deadlineMs: 150 })).then(({ code }) => code)
      const patience = new Promise((resolve) => setTimeout(resolve, 15_000, 'git was left to end by itself, after 30 s of silence').unref())
      expect(await Promise.race([ended, patience])).toBe('timeout')
      expect(strays()).toEqual([])
    } finally {
      server.misbehave('none')
    }
  })

  it('leaves nothing behind when it times out or is aborted', async () => {
    server.misbehave('stall')
    try {
      const late = await errorOf(checkOut({ url: repository.url, deadlineMs: 400 }))
      expect([late.code, late.message]).toEqual(['timeout', `list refs of ${repository.url}: timed out`])
      const abort = new AbortController()
      setTimeout(() => abort.abort(), 200)
      expect((await errorOf(checkOut({ url: repository.url, signal: abort.signal }))).code).toBe('aborted')
      await new Promise((resolve) => setTimeout(resolve, 700))
      expect(strays()).toEqual([])
      expect(await readdir(join(cacheDir, 'temp'))).toEqual([])
    } finally {
      server.misbehave('none')
    }
  })

  it('recovers from a cut transfer, and from a git that was killed', async () => {
    const fragile = await server.createRepository('fragile', { 'a': 'x'.repeat(300_000) })
    server.misbehave('cut')
    expect((await errorOf(checkOut({ url: fragile.url }))).code).toBe('unreachable')
    server.misbehave('none')
    await (await checkOut({ url: fragile.url })).release()

    const [mirror = ''] = await readdir(join(cacheDir, 'mirrors'))
    for (const lock of ['shallow.lock', 'config.lock', 'packed-refs.lock']) execFileSync('touch', [join(cacheDir, 'mirrors', mirror, lock)])
    execFileSync('touch', [join(cacheDir, 'mirrors', mirror, 'objects/pack/tmp_pack_x')])
    await fragile.commit({ 'b': 'new' })
    await git.close()
    git = await open()
    await (await checkOut({ url: fragile.url })).release()
    expect(await readdir(join(cacheDir, 'mirrors', mirror, 'objects/pack'))).not.toContain('tmp_pack_x')
  })

  it('survives kill -9 of git in the middle of a fetch', async () => {
    const killed = await server.createRepository('killed', { 'a': '1' })
    await (await checkOut({ url: killed.url })).release()
    await killed.commit({ 'a': '2' })
    const resolved = await git.resolve({ url: killed.url, login: none, ref: { branch: 'main' }, deadlineMs: 5000 })
    server.misbehave('stall')
    const fetching = errorOf(git.checkOut({ url: killed.url, login: none, resolved, deadlineMs: 20_000 }))
    while (!strays().some((line) => line.includes('git fetch'))) await new Promise((resolve) => setTimeout(resolve, 20))
    for (const line of strays()) process.kill(Number(line.trim().split(' ')[0]), 'SIGKILL')
    expect(['failed', 'unreachable']).toContain((await fetching).code)
    server.misbehave('none')
    const checkout = await checkOut({ url: killed.url })
    expect(await readFile(join(checkout.dir, 'a'), 'utf8')).toBe('2')
  })

  it('bounds what a repository may write', async () => {
    const large = await server.createRepository('large', { 'zeros': Buffer.alloc(3 << 20) })
    await git.close()
    git = await open({ limits: { maxBytes: 1 << 20, maxEntries: 100 } })
    expect((await errorOf(checkOut({ url: large.url }))).code).toBe('too-large')
    const many = await server.createRepository('many', Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`f${index}`, 'x'])))
    expect((await errorOf(checkOut({ url: many.url }))).code).toBe('too-large')
  })
})

describe('hostile trees', () => {
  let server: GitServer
  beforeAll(async () => {
    server = await startGitServer()
  })
  afterAll(() => server.close())

  it('brings files byte for byte, without links, submodules or conversions', async () => {
    const repository = await server.createRepository('odd')
    const commit = await repository.commit({
      '.gitattributes': '*.txt text eol=crlf ident\nsecret.txt export-ignore\n*.id export-subst\n*.utf working-tree-encoding=UTF-16\n',
      'a.txt': 'one\ntwo $Id$\n',
      'secret.txt': 'exported all the same\n',
      'x.id': '$Format:%H$\n',
      'x.utf': 'plain',
      'new\nline.yaml': 'n',
      'grüße/日本語.yaml': 'u',
      'back\\slash': 'b',
      'link': { mode: '120000', content: '/etc/passwd' },
      'dir-link': { mode: '120000', content: '..' },
    })
    await repository.commit({ 'module': { mode: '160000', content: commit }, '.gitmodules': '[submodule "module"]\n\tpath = module\n\turl = ext::sh -c id\n' })
    const { dir } = await checkOut({ url: repository.url })
    expect((await readdir(dir)).sort()).toEqual(['.gitattributes', '.gitmodules', 'a.txt', 'back\\slash', 'grüße', 'module', 'new\nline.yaml', 'secret.txt', 'x.id', 'x.utf'].sort())
    expect(await readFile(join(dir, 'a.txt'), 'utf8')).toBe('one\ntwo $Id$\n')
    expect(await readFile(join(dir, 'x.id'), 'utf8')).toBe('$Format:%H$\n')
    expect(await readFile(join(dir, 'x.utf'), 'utf8')).toBe('plain')
    expect(await readFile(join(dir, 'grüße/日本語.yaml'), 'utf8')).toBe('u')
    expect((await lstat(join(dir, 'module'))).isDirectory()).toBe(true)
    expect(await readdir(join(dir, 'module'))).toEqual([])
  })

  const names: readonly (readonly [string, string, string])[] = [
    ['climbs out', '..', 'unsafe-tree'],
    ['is .git', '.git', 'unsafe-tree'],
    ['is .git in other letters', '.GIT', 'unsafe-tree'],
    ['is not UTF-8', 'latin-\xe9', 'unsafe-tree'],
  ]
  it.each(names)('refuses a tree with a name that %s', async (_what, name, code) => {
    const repository = await server.createRepository(`tree-${Buffer.from(name).toString('hex')}`)
    await plantTree(repository, Buffer.from(name, 'latin1'))
    expect((await errorOf(checkOut({ url: repository.url }))).code).toBe(code)
  })

  /** A tree whose one entry has this name, as no honest git would write it. */
  async function plantTree(repository: TestRepository, name: Buffer): Promise<void> {
    const blob = (await repository.git(['hash-object', '-w', '--stdin'], '[core]\n\tsshCommand = id\n')).trim()
    const inner = await tree(repository, Buffer.from('100644 config\0'), blob)
    const outer = await tree(repository, Buffer.concat([Buffer.from('40000 '), name, Buffer.from('\0')]), inner)
    const commit = (await repository.git(['commit-tree', '-m', 'hostile', outer])).trim()
    await repository.setRef('refs/heads/main', commit)
  }

  async function tree(repository: TestRepository, head: Buffer, object: string): Promise<string> {
    return (await repository.git(['hash-object', '-w', '-t', 'tree', '--literally', '--stdin'], Buffer.concat([head, Buffer.from(object, 'hex')]))).trim()
  }
})

describe('logins', () => {
  const canary = 'c4nary-Passw0rd'
  const servers: GitServer[] = []
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close()
  })
  async function serve(options: Parameters<typeof startGitServer>[0]): Promise<{ server: GitServer; url: string; login: Login }> {
    const server = await startGitServer(options)
    servers.push(server)
    const { url } = await server.createRepository('private', { 'a': '1' })
    return { server, url, login: gitLogin(url, server.secret) }
  }
  const content = async (wish: Wish): Promise<string> => readFile(join((await checkOut(wish)).dir, 'a'), 'utf8')

  it('logs in with basic, from a Secret and from the URL', async () => {
    const { url, login } = await serve({ basic: { username: 'weir', password: canary } })
    expect(await content({ url, login })).toBe('1')
    const withUser = url.replace('http://', `http://weir:${canary}@`)
    expect(await content({ url: withUser, login: gitLogin(withUser, undefined) })).toBe('1')
  })

  it('refuses wrong and missing logins, and says no secret', async () => {
    const { url } = await serve({ basic: { username: 'weir', password: 'right' } })
    for (const login of [none, { kind: 'basic', username: 'weir', password: canary } as const, { kind: 'bearer', token: canary } as const]) {
      const error = await errorOf(checkOut({ url, login }))
      expect([error.code, JSON.stringify(error, Object.getOwnPropertyNames(error)).includes(canary)]).toEqual(['auth-failed', false])
    }
    const withUser = url.replace('http://', `http://weir:${canary}@`)
    expect((await errorOf(checkOut({ url: withUser }))).message).not.toContain(canary)
  })

  it('logs in with a bearer token', async () => {
    const { url, login } = await serve({ bearer: canary })
    expect(await content({ url, login })).toBe('1')
  })

  it('keeps the secret out of argument lists', async () => {
    const { server, url, login } = await serve({ bearer: canary })
    server.misbehave('stall')
    const waiting = errorOf(checkOut({ url, login, deadlineMs: 800 }))
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })).not.toContain(canary)
    expect((await waiting).code).toBe('timeout')
  })

  it('never serves one login what another one fetched', async () => {
    const { url, login } = await serve({ basic: { username: 'weir', password: canary } })
    await (await checkOut({ url, login })).release()
    const commit = (await git.resolve({ url, login, ref: { branch: 'main' }, deadlineMs: 5000 })).commit
    expect((await errorOf(checkOut({ url, login: none, ref: { commit } }))).code).toBe('auth-failed')
  })

  it('trusts the CA of the Secret, and no other', async () => {
    const { url, login } = await serve({ transport: 'https' })
    expect(await content({ url, login })).toBe('1')
    expect((await errorOf(checkOut({ url, login: none }))).code).toBe('tls')
    expect((await errorOf(checkOut({ url: url.replace('127.0.0.1', '127.0.0.2'), login }))).code).not.toBe('auth-failed')
  })

  it('shows a client certificate', async () => {
    const { url, login } = await serve({ transport: 'https', clientCertificates: true })
    expect(await content({ url, login })).toBe('1')
    expect(login.kind).toBe('none')
    const withoutClient: Login = login.kind === 'none' && login.tls?.ca ? { kind: 'none', tls: { ca: login.tls.ca } } : none
    expect(['tls', 'unreachable']).toContain((await errorOf(checkOut({ url, login: withoutClient }))).code)
  })

  it('follows a redirect without a login, and never takes a login along', async () => {
    const target = await serve({})
    const { server, url } = await serve({ redirectTo: target.server.url })
    expect(await content({ url })).toBe('1')
    const before = target.server.requests().length
    const error = await errorOf(checkOut({ url, login: { kind: 'bearer', token: canary } }))
    expect([error.code, target.server.requests().length]).toEqual(['redirected', before])
    expect(server.requests().length).toBeGreaterThan(0)
  })

  it.each([
    [500, 'unreachable'],
    [503, 'unreachable'],
    [429, 'unreachable'],
    [403, 'auth-failed'],
    [404, 'not-found'],
  ])('reads HTTP %i as %s', async (status, code) => {
    const { url } = await serve({ status })
    expect((await errorOf(checkOut({ url }))).code).toBe(code)
  })

  it('logs in over ssh, with and without a passphrase', async () => {
    const plain = await serve({ transport: 'ssh' })
    expect(await content(plain)).toBe('1')
    const locked = await serve({ transport: 'ssh', passphrase: 'open sésame "quoted"' })
    expect(await content(locked)).toBe('1')
    const login = { ...locked.login, passphrase: 'wrong' } as Login
    expect((await errorOf(checkOut({ url: locked.url, login }))).code).toBe('auth-failed')
  })

  it('logs in as git over ssh where the URL names nobody, and as whom it names', async () => {
    const { server, url } = await serve({ transport: 'ssh' })
    const [nobody, somebody] = [url.replace('git@', ''), url.replace('git@', 'weir@')]
    expect(await content({ url: nobody, login: gitLogin(nobody, server.secret) })).toBe('1')
    expect((await errorOf(checkOut({ url: somebody, login: gitLogin(somebody, server.secret) }))).code).toBe('auth-failed')
  })

  it('refuses an unknown host key and an unknown user key over ssh', async () => {
    const one = await serve({ transport: 'ssh' })
    const two = await serve({ transport: 'ssh' })
    const port = (url: string): string => new URL(url).port
    if (one.login.kind !== 'ssh' || two.login.kind !== 'ssh') throw new Error('ssh logins expected')
    const foreign = two.login.knownHosts.replace(port(two.url), port(one.url))
    expect((await errorOf(checkOut({ url: one.url, login: { ...one.login, knownHosts: foreign } }))).code).toBe('host-key')
    expect((await errorOf(checkOut({ url: one.url, login: { ...one.login, knownHosts: two.login.knownHosts } }))).code).toBe('host-key')
    expect((await errorOf(checkOut({ url: one.url, login: { ...one.login, identity: two.login.identity } }))).code).toBe('auth-failed')
  })

  it('leaves no ssh behind when the server stalls', async () => {
    const { server, url, login } = await serve({ transport: 'ssh' })
    server.misbehave('stall')
    expect((await errorOf(checkOut({ url, login, deadlineMs: 700 }))).code).toBe('timeout')
    expect(strays()).toEqual([])
    server.misbehave('none')
    expect(await content({ url, login })).toBe('1')
  })
})
