import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { execFile, execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Login } from '@weir/shared/auth'
import { createGit, GitError, type Checkout, type Git, type GitOptions } from '@weir/shared/git'
import { quietTelemetry } from '@weir/shared/telemetry'
import { startGitServer, type GitServer, type TestRepository } from '@weir/shared/testing'

// How commands end: too much of an answer, callers that leave, deadlines of others, and the end of the process.

const none: Login = { kind: 'none' }
const main = { branch: 'main' }

let server: GitServer
let repository: TestRepository
beforeAll(async () => {
  server = await startGitServer()
  repository = await server.createRepository('fleet', { a: '1' })
})
afterAll(() => server.close())

let cacheDir: string
let git: Git
beforeEach(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'weir-git-'))
  git = await open()
})
afterEach(async () => {
  server.misbehave('none')
  await git.close()
  await rm(cacheDir, { recursive: true, force: true })
})

function open(options: Partial<GitOptions> = {}): Promise<Git> {
  return createGit({ cacheDir, telemetry: quietTelemetry(), ...options })
}

/** With this script in the place of git. */
async function openWith(script: string): Promise<Git> {
  const bin = join(cacheDir, 'bin')
  await mkdir(bin)
  await writeFile(join(bin, 'git'), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  return open({ environment: { PATH: `${bin}:/usr/local/bin:/usr/bin:/bin` } })
}

async function checkOut({ url }: TestRepository): Promise<Checkout> {
  const request = { url, login: none, deadlineMs: 60_000 }
  return git.checkOut({ ...request, resolved: await git.resolve({ ...request, ref: main }) })
}

async function codeOf(run: Promise<unknown>): Promise<string> {
  const error = await run.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  return error instanceof GitError ? error.code : String(error)
}

/** Every process that works below our cache directory. */
function strays(): readonly string[] {
  const lines = execFileSync('ps', ['-eo', 'pid,args', 'e'], { encoding: 'utf8', maxBuffer: 64 << 20 }).split('\n')
  return lines.filter((line) => line.includes(`HOME=${cacheDir}/home`) && !line.includes('defunct'))
}

/** Polls; gives up after some seconds, and the expectation after it says what is wrong. */
async function until(isSo: () => Promise<boolean> | boolean): Promise<void> {
  for (let tries = 0; tries < 400 && !(await isSo()); tries++) await sleep(20)
}

const temporary = (): Promise<readonly string[]> => readdir(join(cacheDir, 'temp'))

describe('too much of an answer', () => {
  it('is not taken of the message of a commit: one of 40 MB has a short subject', async () => {
    const loud = await server.createRepository('loud')
    const commit = await loud.commit({ a: '1' }, { message: 'x'.repeat(40 << 20) })
    const checkout = await checkOut(loud)
    expect([checkout.commit, checkout.subject.length]).toEqual([commit, 1_000])
    // The mirror has it now, and is asked for the same.
    expect((await checkOut(loud)).subject.length).toBe(1_000)
    expect(strays()).toEqual([])
  })

  it('ends a git that never stops to complain', async () => {
    await git.close()
    git = await openWith("while :; do printf '%01000d\\n' 0 >&2; done")
    const error: unknown = await git.resolve({ url: repository.url, login: none, deadlineMs: 3_000, ref: main }).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'too-large', message: `list refs of ${repository.url}: the answer exceeds the size limit` })
    expect(strays()).toEqual([])
  })

  it('ends a git that stops neither to complain nor when it is asked to', async () => {
    await git.close()
    git = await openWith("trap '' TERM\nwhile :; do printf '%01000d\\n' 0 >&2; done")
    expect(await codeOf(git.resolve({ url: repository.url, login: none, deadlineMs: 3_000, ref: main }))).toBe('too-large')
    expect(strays()).toEqual([])
  })
})

describe('who asks for the same as others', () => {
  it('does not fail for their deadlines', async () => {
    server.misbehave('stall')
    const request = { url: repository.url, login: none }
    const short = codeOf(git.resolve({ ...request, ref: main, deadlineMs: 300 }))
    const long = git.resolve({ ...request, ref: main, deadlineMs: 20_000 })
    expect(await short).toBe('timeout')
    server.misbehave('none')
    const resolved = await long
    server.misbehave('stall')
    const shortCheckOut = codeOf(git.checkOut({ ...request, resolved, deadlineMs: 300 }))
    const longCheckOut = git.checkOut({ ...request, resolved, deadlineMs: 20_000 })
    expect(await shortCheckOut).toBe('timeout')
    server.misbehave('none')
    expect((await longCheckOut).commit).toBe(await repository.resolve('main'))
  })

  it('leaves no checkout behind when all leave in the last moment', async () => {
    await git.close()
    git = await open({ budgetBytes: 1 })
    const request = { url: repository.url, login: none, deadlineMs: 20_000 }
    const resolved = await git.resolve({ ...request, ref: main })
    const leave = new AbortController()
    const left = codeOf(git.checkOut({ ...request, resolved, signal: leave.signal }))
    // The checkout is complete when its mirror goes, which is over the budget.
    const hasMirror = async (): Promise<boolean> => (await readdir(join(cacheDir, 'mirrors'))).some((name) => existsSync(join(cacheDir, 'mirrors', name, 'weir-ready')))
    await until(hasMirror)
    const [mirror = ''] = await readdir(join(cacheDir, 'mirrors'))
    while (existsSync(join(cacheDir, 'mirrors', mirror, 'weir-ready'))) await turn()
    leave.abort()
    expect(await left).toBe('aborted')
    await until(async () => (await temporary()).length === 0)
    expect(await temporary()).toEqual([])
  })
})

it('closes when the last git has ended, though nobody waits for it any more', async () => {
  await git.close()
  git = await openWith("trap '' TERM\nexec sleep 30")
  const leave = new AbortController()
  const left = codeOf(git.resolve({ url: repository.url, login: none, deadlineMs: 20_000, ref: main, signal: leave.signal }))
  await until(() => strays().some((line) => line.includes('sleep 30')))
  leave.abort()
  expect(await left).toBe('aborted')
  await git.close()
  expect(strays()).toEqual([])
  expect(await temporary()).toEqual([])
})

it('removes the mirrors that nobody names beside a URL that cannot be read', async () => {
  const other = await server.createRepository('other', { a: '1' })
  for (const each of [repository, other]) await (await checkOut(each)).release()
  await git.keepMirrorsOf(['https://', 'no url', repository.url])
  const mirrors = (): Promise<readonly string[]> => readdir(join(cacheDir, 'mirrors'))
  await until(async () => (await mirrors()).length === 1)
  expect(await mirrors()).toHaveLength(1)
})

/** Says how many promises are alive after some commands, and after as many again: in a process of its own, as they are counted by realm. */
const polling = `
import { queryObjects } from 'node:v8'
import { createGit } from '@weir/shared/git'
import { quietTelemetry } from '@weir/shared/telemetry'
const [cacheDir, url, rounds] = process.argv.slice(1)
const git = await createGit({ cacheDir, telemetry: quietTelemetry() })
const alive = []
for (let part = 0; part < 3; part += 1) {
  for (let round = 0; round < Number(rounds); round += 1) await git.resolve({ url, login: { kind: 'none' }, ref: { branch: 'main' }, deadlineMs: 60_000 })
  alive.push(queryObjects(Promise, { format: 'count' })) // collects garbage first
}
await git.close()
console.log(JSON.stringify(alive))`

describe('a command that has ended', () => {
  it('is not held any more: a controller that polls runs one every second, for months', async () => {
    const rounds = 15
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', polling, cacheDir, repository.url, String(rounds)], { cwd: import.meta.dirname })
    const [, before = 0, after = 0] = JSON.parse(stdout) as readonly number[]
    expect(before).toBeGreaterThan(0)
    expect(after - before).toBeLessThan(rounds)
  })
})
