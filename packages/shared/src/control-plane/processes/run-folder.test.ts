import { execFile, execFileSync, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { startChild } from './child.ts'
import { openRunFolder } from './run-folder.ts'

const state = { dir: '' }
beforeEach(() => {
  state.dir = realpathSync(mkdtempSync(join(tmpdir(), 'weir-test-')))
})
afterEach(() => rmSync(state.dir, { recursive: true, force: true }))

interface Owner {
  readonly process: ChildProcess
  readonly dir: string
  readonly pids: readonly number[]
}

/** A process that opens a run's folder, starts two children and ends as told. */
async function startOwner(end: string, dir?: string): Promise<Owner> {
  const owner = spawn(process.execPath, ['--input-type=module', '-e', ownerProgram(end, dir)], { stdio: ['ignore', 'pipe', 'ignore'] })
  const [line] = await once(createInterface(owner.stdout), 'line')
  return { process: owner, ...(JSON.parse(String(line)) as { dir: string; pids: number[] }) }
}

/** The children have a child in the same group, all as deaf to requests as a hanging server. */
function ownerProgram(end: string, dir: string | undefined): string {
  return `
    import { startChild } from '${import.meta.dirname}/child.ts'
    import { openRunFolder } from '${import.meta.dirname}/run-folder.ts'
    const folder = await openRunFolder(${JSON.stringify(dir)})
    const script = "trap '' TERM INT HUP; sleep 1000 & sleep 1000"
    const start = (name) =>
      startChild({ name, binary: '/bin/sh', args: ['-c', script, 'part', folder.dir], folder, logFile: folder.dir + '/' + name + '.log' })
    const children = await Promise.all(['one', 'two'].map(start))
    process.stdout.write(JSON.stringify({ dir: folder.dir, pids: children.map(({ pid }) => pid) }) + '\\n')
    ${end}`
}

const goesOn = 'setInterval(() => undefined, 1000)'

/** Of a whole group: a child's child counts; one that has ended and only waits for init to notice does not. */
function isGroupAlive(group: number): boolean {
  const stats = process.platform === 'linux' ? statsOfProc() : execFileSync('ps', ['-A', '-o', 'stat=,ppid=,pgid='], { encoding: 'utf8' }).split('\n')
  return stats.some((line) => {
    const [status = '', , pgid] = line.trim().split(/\s+/)
    return Number(pgid) === group && !status.startsWith('Z')
  })
}

/** State, parent and group of every process. */
function statsOfProc(): readonly string[] {
  return readdirSync('/proc').flatMap((pid) => {
    try {
      return [readFileSync(`/proc/${Number(pid)}/stat`, 'utf8').replace(/^.*\) /s, '')]
    } catch {
      return []
    }
  })
}

async function untilGone(pids: readonly number[]): Promise<void> {
  for (let waited = 0; pids.some(isGroupAlive) && waited < 5000; waited += 20) await sleep(20)
  expect(pids.filter(isGroupAlive)).toEqual([])
}

async function untilRemoved(path: string): Promise<void> {
  for (let waited = 0; existsSync(path) && waited < 5000; waited += 20) await sleep(20)
  expect(existsSync(path)).toBe(false)
}

function watchdogOf(dir: string): number {
  const [, pid] = /^(\d+) watchdog$/m.exec(readFileSync(join(dir, 'pids'), 'utf8')) ?? []
  return Number(pid)
}

describe('a run leaves nothing behind when its owner', () => {
  it.each([
    ['exits', 'process.exit(0)'],
    ['has a bug', "setTimeout(() => { throw new Error('as a bug would') }, 10)"],
    ['has nothing left to do', ''],
  ])('%s', async (_, end) => {
    const { dir, pids } = await startOwner(end)
    await untilGone(pids)
    await untilRemoved(dir)
  })

  it.each(['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP'] as const)('gets %s', async (signal) => {
    const { process: owner, dir, pids } = await startOwner(goesOn)
    expect(pids.filter(isGroupAlive)).toEqual(pids)
    owner.kill(signal)
    await untilGone(pids)
    await untilRemoved(dir)
  })

  it('is killed together with the watchdog, and somebody else starts', async () => {
    const { process: owner, dir, pids } = await startOwner(goesOn)
    process.kill(watchdogOf(dir), 'SIGKILL')
    owner.kill('SIGKILL')
    await once(owner, 'exit')
    expect(pids.filter(isGroupAlive)).toEqual(pids)
    const next = await openRunFolder()
    await untilGone(pids)
    expect(existsSync(dir)).toBe(false)
    await next.close()
  })
})

describe('runs that start at the same time', () => {
  const program = `
    import { existsSync } from 'node:fs'
    import { setTimeout as sleep } from 'node:timers/promises'
    import { openRunFolder } from '${import.meta.dirname}/run-folder.ts'
    let lost = 0
    for (let round = 0; round < 60; round++) {
      const folder = await openRunFolder()
      await sleep(10)
      if (!existsSync(folder.dir + '/pids')) lost++
      await folder.close()
    }
    process.stdout.write('lost ' + lost)`

  it('leave each other alone, though each looks for abandoned folders', async () => {
    const outputs = await Promise.all(
      Array.from({ length: 6 }, () => promisify(execFile)(process.execPath, ['--input-type=module', '--disable-warning=ExperimentalWarning', '-e', program])),
    )
    expect(outputs.map(({ stdout }) => stdout)).toEqual(Array.from({ length: 6 }, () => 'lost 0'))
  })
})

describe('a folder that is kept', () => {
  it('stays when its owner is killed, and can be opened again', async () => {
    const { process: owner, pids } = await startOwner(goesOn, state.dir)
    owner.kill('SIGKILL')
    await untilGone(pids)
    expect(existsSync(join(state.dir, 'one.log'))).toBe(true)
    const folder = await openRunFolder(state.dir)
    expect(folder.dir).toBe(state.dir)
    await folder.close()
    expect(existsSync(join(state.dir, 'one.log'))).toBe(true)
  })

  it('is refused while another process runs from it', async () => {
    const { process: owner, pids } = await startOwner(goesOn, state.dir)
    await expect(openRunFolder(state.dir)).rejects.toMatchObject({ code: 'in-use' })
    expect(pids.filter(isGroupAlive)).toEqual(pids)
    owner.kill('SIGKILL')
    await untilGone(pids)
  })

  it('does not lead to killing a process that has a remembered number by chance', async () => {
    const stranger = spawn('/bin/sh', ['-c', 'sleep 1000'], { detached: true, stdio: 'ignore' })
    writeFileSync(join(state.dir, 'pids'), `${stranger.pid} watchdog\n${stranger.pid} etcd\n`)
    const folder = await openRunFolder(state.dir)
    expect(stranger.pid !== undefined && isGroupAlive(stranger.pid)).toBe(true)
    await folder.close()
    if (stranger.pid !== undefined) process.kill(-stranger.pid, 'SIGKILL')
  })
})

describe('a child', () => {
  const part = async (script: string) => {
    const folder = await openRunFolder(state.dir)
    const child = await startChild({ name: 'part', binary: '/bin/sh', args: ['-c', script, 'part', folder.dir], folder, logFile: join(folder.dir, 'part.log') })
    return { folder, child }
  }

  it('says how it ended, and what it said', async () => {
    const { folder, child } = await part('echo hello; echo trouble >&2; exit 3')
    expect(await child.ended).toBe('exit 3')
    expect(child.hasEnded()).toBe(true)
    expect(await child.output()).toBe('hello\ntrouble\n')
    await folder.close()
  })

  it('says only what this start of it said', async () => {
    writeFileSync(join(state.dir, 'part.log'), 'earlier\n')
    const { folder, child } = await part('echo now')
    await child.ended
    expect(await child.output()).toBe('now\n')
    await folder.close()
  })

  it('is asked to end before it is killed', async () => {
    const { folder, child } = await part("trap 'echo bye; exit 0' TERM; while :; do sleep 0.05; done")
    await sleep(100)
    await child.end(3000)
    expect(await child.output()).toContain('bye\n')
    await folder.close()
  })

  it('is killed when it does not listen, even when it is paused', async () => {
    const { folder, child } = await part("trap '' TERM; while :; do sleep 0.05; done")
    await sleep(100)
    child.signal('SIGSTOP')
    await child.end(200)
    expect(await child.ended).toBe('SIGKILL')
    await folder.close()
  })

  it('sees no secrets of our environment', async () => {
    const { folder, child } = await part('env')
    await child.ended
    expect((await child.output()).split('\n').filter((line) => /^(PATH|HOME|TMPDIR|TZ|PWD|OLDPWD|SHLVL|_)=|^$/.test(line) === false)).toEqual([])
    await folder.close()
  })

  it('that is no program is an error', async () => {
    const folder = await openRunFolder(state.dir)
    const start = startChild({ name: 'none', binary: join(state.dir, 'none'), args: [], folder, logFile: join(state.dir, 'none.log') })
    await expect(start).rejects.toMatchObject({ code: 'ENOENT' })
    await folder.close()
  })
})
