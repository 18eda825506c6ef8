import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gitLogin, type Login } from '@weir/shared/auth'
import { createGit, GitError, type Checkout, type Git } from '@weir/shared/git'
import { serve as serveHttp } from '@weir/shared/http'
import { quietTelemetry } from '@weir/shared/telemetry'
import { startGitServer, type GitServer, type GitServerOptions, type TestRepository } from '@weir/shared/testing'

let cacheDir: string
let git: Git
const servers: GitServer[] = []
beforeEach(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'weir-git-'))
  git = await createGit({ cacheDir, telemetry: quietTelemetry() })
})
afterEach(async () => {
  await git.close()
  for (const server of servers.splice(0)) await server.close()
  await rm(cacheDir, { recursive: true, force: true })
})

interface Served {
  readonly server: GitServer
  readonly repository: TestRepository
  readonly login: Login
}

async function serve(options: GitServerOptions = {}): Promise<Served> {
  const server = await startGitServer(options)
  servers.push(server)
  const repository = await server.createRepository('fleet', { a: '1' })
  return { server, repository, login: gitLogin(repository.url, server.secret) }
}

async function checkOut(url: string, login: Login = { kind: 'none' }, deadlineMs = 20_000): Promise<Checkout> {
  const resolved = await git.resolve({ url, login, deadlineMs, ref: { branch: 'main' } })
  return git.checkOut({ url, login, deadlineMs, resolved })
}

async function verdict(url: string, login?: Login): Promise<string> {
  try {
    await (await checkOut(url, login)).release()
    return 'checked out'
  } catch (error) {
    if (error instanceof GitError) return error.code
    throw error
  }
}

describe('a TLS server that is not who it should be', () => {
  it.each<readonly [string, GitServerOptions, string]>([
    ['none, as a control', {}, 'checked out'],
    ['expired', { flaw: 'expired' }, 'tls'],
    ['for another host', { flaw: 'other-host' }, 'tls'],
  ])('certificate: %s', async (_what, options, expected) => {
    const { server, repository, login } = await serve({ transport: 'https', ...options })
    expect(await verdict(repository.url, login)).toBe(expected)
    if (expected === 'tls') expect(server.requests()).toEqual([])
  })

  it('certificate: of an authority that nobody named', async () => {
    const { server, repository } = await serve({ transport: 'https' })
    expect(await verdict(repository.url)).toBe('tls')
    expect(server.requests()).toEqual([])
  })

  it('is not followed to by a redirect', async () => {
    const target = await serve({ transport: 'https', flaw: 'expired' })
    const { repository } = await serve({ redirectTo: target.server.url })
    expect(await verdict(repository.url)).toBe('tls')
    expect(target.server.requests()).toEqual([])
  })
})

describe('a redirect', () => {
  it('never leads from https to http', async () => {
    const plain = await serve()
    const { repository, login } = await serve({ transport: 'https', redirectTo: plain.server.url })
    const error = await checkOut(repository.url, login).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'redirected', message: expect.stringContaining('from https to http') })
    expect(plain.server.requests()).toEqual([])
  })

  it.each([['basic', { basic: { username: 'weir', password: 'canary-Passw0rd' } }], ['bearer', { bearer: 'canary-Passw0rd' }]] as const)('takes no %s login along', async (_kind, rules) => {
    const target = await serve()
    const { repository } = await serve({ ...rules, redirectTo: target.server.url })
    const login: Login = 'basic' in rules ? { kind: 'basic', ...rules.basic } : { kind: 'bearer', token: rules.bearer }
    expect(await verdict(repository.url, login)).toBe('redirected')
    expect(target.server.requests()).toEqual([])
  })

  it('takes no login in the URL along', async () => {
    const target = await serve()
    const { repository } = await serve({ redirectTo: target.server.url })
    const url = repository.url.replace('http://', 'http://weir:canary-Passw0rd@')
    expect(await verdict(url, gitLogin(url, undefined))).toBe('redirected')
    expect(target.server.requests()).toEqual([])
  })

  it.each(['file:///etc', 'ftp://127.0.0.1:9', 'gopher://127.0.0.1:9'])('is not followed to %s', async (redirectTo) => {
    const { repository } = await serve({ redirectTo })
    expect(await verdict(repository.url)).not.toBe('checked out')
  })
})

it.each([200, 301, 401, 404, 500])('what a wrong address answers with %i is told to nobody', async (status) => {
  // An instance's metadata, say, which whoever may write a GitRepository must not read through us.
  for (const type of ['text/plain', 'application/json', 'application/x-git-upload-pack-advertisement']) {
    const metadata = await serveHttp({ address: '127.0.0.1:0', telemetry: quietTelemetry(), handler: (_, response) => void response.writeHead(status, { 'content-type': type }).end('canary-of-the-metadata-server\nerror: canary-line\n') })
    const error: unknown = await checkOut(`${metadata.url}/latest/meta-data`).catch((thrown: unknown) => thrown)
    await metadata.close(0)
    expect(error).toBeInstanceOf(GitError)
    expect(String(error)).not.toContain('canary')
  }
})

it('a login in the URL is in no argument list', async () => {
  const { server, repository } = await serve()
  server.misbehave('stall')
  const url = repository.url.replace('http://', 'http://weir:canary-Passw0rd@')
  const waiting = checkOut(url, gitLogin(url, undefined), 1_500).catch((error: unknown) => error)
  while (server.requests().length === 0) await new Promise((resolve) => setTimeout(resolve, 20))
  expect(execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8', maxBuffer: 64 << 20 })).not.toContain('canary-Passw0rd')
  expect(await waiting).toMatchObject({ code: 'timeout' })
})

it('a submodule is an empty folder, wherever its URL leads', async () => {
  const marker = join(cacheDir, 'ran')
  const other = await serve()
  const { repository } = await serve()
  const commit = await repository.resolve('main')
  const modules = [
    ['ext', 'path = ext', `url = ext::sh -c "touch ${marker}"`],
    ['../../../hooks', 'path = named', `url = ${other.repository.url}`],
    ['option', 'path = -u', `url = --upload-pack=touch ${marker}`],
    ['local', 'path = local', 'url = file:///etc'],
    ['relative', 'path = relative', 'url = ../../../../etc'],
    ['update', 'path = update', `url = ${other.repository.url}`, `update = !touch ${marker}`],
  ]
  const text = modules.map(([name, ...lines]) => `[submodule "${name}"]\n\t${lines.join('\n\t')}\n`).join('')
  const links = Object.fromEntries(['ext', 'named', '-u', 'local', 'relative', 'update'].map((name) => [name, { mode: '160000', content: commit }] as const))
  await repository.commit({ '.gitmodules': text, ...links })
  const checkout = await checkOut(repository.url)
  for (const name of Object.keys(links)) expect(await readdir(join(checkout.dir, name))).toEqual([])
  expect([existsSync(marker), other.server.requests()]).toEqual([false, []])
})
