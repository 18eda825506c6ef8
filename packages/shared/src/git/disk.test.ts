import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createGit, GitError, type Checkout, type Git } from '@weir/shared/git'
import { quietTelemetry } from '@weir/shared/telemetry'
import { startGitServer, type GitServer, type TestRepository } from '@weir/shared/testing'

const canMount = process.platform === 'linux' && process.getuid?.() === 0
const onSmallDisk = canMount ? describe : describe.skip
const why = canMount ? '' : ' (only root may mount the small disk of this test)'

let server: GitServer
beforeAll(async () => {
  server = await startGitServer()
})
afterAll(() => server.close())

let cacheDir: string
let git: Git
beforeEach(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'weir-git-'))
})
afterEach(() => rm(cacheDir, { recursive: true, force: true }))

const open = (): Promise<Git> => createGit({ cacheDir, telemetry: quietTelemetry() })

async function checkOut({ url }: TestRepository): Promise<Checkout> {
  const request = { url, login: { kind: 'none' }, deadlineMs: 20_000 } as const
  return git.checkOut({ ...request, resolved: await git.resolve({ ...request, ref: { branch: 'main' } }) })
}

async function errorOf(run: Promise<unknown>): Promise<GitError> {
  const error = await run.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof GitError)) throw new Error('expected a GitError', { cause: error })
  return error
}

/** What a condition would say, twice: a text that changes is a status that changes. */
async function saidTwice(run: () => Promise<unknown>): Promise<GitError> {
  const [first, second] = [await errorOf(run()), await errorOf(run())]
  expect(second.message).toBe(first.message)
  expect(first.message).not.toContain(cacheDir)
  return first
}

onSmallDisk(`a disk for little more than one repository${why}`, () => {
  const kilobytes = 300
  beforeEach(async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1500k,mode=0700', 'weir-test', cacheDir])
    git = await open()
  })
  afterEach(async () => {
    await git.close()
    execFileSync('umount', [cacheDir])
  })

  it('is made free of the mirrors that nobody uses when it is full', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      const repository = await server.createRepository(name, { noise: randomBytes(kilobytes << 10) })
      const checkout = await checkOut(repository)
      expect((await stat(join(checkout.dir, 'noise'))).size).toBe(kilobytes << 10)
      await checkout.release()
    }
  })

  it('holds nothing of a repository that is too large for it', async () => {
    const huge = await server.createRepository('huge', { noise: randomBytes(3 << 20) })
    const { code } = await saidTwice(() => checkOut(huge))
    expect(code).toBe('full')
    const names = await readdir(cacheDir, { recursive: true })
    expect(names.filter((name) => /tmp_pack|\.lock$|^temp\/./.test(name))).toEqual([])
    const small = await server.createRepository('small', { noise: randomBytes(kilobytes << 10) })
    await (await checkOut(small)).release()
  })

  it('that has no room for the files of a login says so', async () => {
    await writeFile(join(cacheDir, 'filling'), randomBytes(2 << 20)).catch(() => undefined)
    const login = { kind: 'ssh', user: 'git', identity: 'x', knownHosts: 'x' } as const
    const error = await saidTwice(() => git.resolve({ url: 'ssh://git@127.0.0.1:9/x', login, deadlineMs: 5_000, ref: { branch: 'main' } }))
    expect([error.code, error.message]).toEqual(['full', 'list refs of ssh://git@127.0.0.1:9/x: use the Git cache: no space left on the disk'])
  })
})

describe('a cache that somebody was at', () => {
  beforeEach(async () => {
    git = await open()
  })
  afterEach(() => git.close())

  it('is said to be unusable, in the same words each time, where it has no place for mirrors', async () => {
    const repository = await server.createRepository('unusable', { a: '1' })
    await rm(join(cacheDir, 'mirrors'), { recursive: true })
    await writeFile(join(cacheDir, 'mirrors'), '')
    const { code } = await saidTwice(() => checkOut(repository))
    expect(code).toBe('failed')
    await rm(join(cacheDir, 'mirrors'))
    await (await checkOut(repository)).release()
  })

  it('gets a mirror again that was cleaned away', async () => {
    const repository = await server.createRepository('cleaned', { a: '1' })
    await (await checkOut(repository)).release()
    await rm(join(cacheDir, 'mirrors'), { recursive: true })
    await mkdir(join(cacheDir, 'mirrors'))
    await repository.commit({ a: '2' })
    await (await checkOut(repository)).release()
  })
})
