import { describe, expect, it } from '@jest/globals'
import { spawnLimited } from './spawn-limited.ts'
import type { LimitedChild, SpawnOptions } from './spawn-limited.ts'

const shell = (script: string, more: Partial<SpawnOptions> = {}): LimitedChild =>
  spawnLimited({ program: '/bin/sh', args: ['-c', script], cwd: '/', env: {}, ...more })

async function textOf(child: LimitedChild): Promise<string> {
  let text = ''
  for await (const chunk of child.stdout.setEncoding('utf8')) text += String(chunk)
  return text
}

describe('spawnLimited', () => {
  it('gives arguments as they are and nothing of our environment', async () => {
    const child = spawnLimited({ program: '/usr/bin/env', args: ['sh', '-c', 'printf "%s|" "$@"; env', 'sh', '$(id)', '-x; true', "a'b"], cwd: '/', env: { PATH: '/usr/bin:/bin', ONE: '1' } })
    const text = await textOf(child)
    expect(text).toContain("$(id)|-x; true|a'b|")
    expect(text).toContain('ONE=1')
    expect(text).not.toContain('HOME=')
  })

  it('tells exit code and standard error', async () => {
    const child = shell('echo oh no >&2; exit 7')
    child.stdout.resume()
    await expect(child.exited).resolves.toEqual({ code: 7, signal: undefined, stderr: 'oh no\n' })
  })

  it('keeps the beginning and the end of a long standard error', async () => {
    const child = shell('echo first >&2; i=0; while [ $i -lt 20000 ]; do echo "line $i" >&2; i=$((i+1)); done; echo last >&2')
    child.stdout.resume()
    const { stderr } = await child.exited
    expect(stderr.startsWith('first\n')).toBe(true)
    expect(stderr.endsWith('last\n')).toBe(true)
    expect(stderr.length).toBeLessThanOrEqual(128 * 1024)
  })

  it('sets the limits', async () => {
    await expect(textOf(shell('ulimit -d; ulimit -t', { memoryBytes: 100 * 1024 * 1024, cpuSeconds: 9 }))).resolves.toBe('102400\n9\n')
  })

  it('ends a program over its CPU time', async () => {
    const child = shell('while :; do :; done', { cpuSeconds: 1 })
    child.stdout.resume()
    const { signal } = await child.exited
    expect(['SIGXCPU', 'SIGKILL']).toContain(signal)
  })

  it('kills what the program started, too, when the signal fires', async () => {
    const stop = new AbortController()
    const child = shell('/bin/sh -c "sleep 60 & echo \\$!; wait"', { signal: stop.signal, env: { PATH: '/usr/bin:/bin' } })
    const { promise, resolve } = Promise.withResolvers<number>()
    child.stdout.setEncoding('utf8').once('data', (text: string) => resolve(Number(text)))
    const grandchild = await promise
    stop.abort()
    expect((await child.exited).signal).toBe('SIGKILL')
    for (let tries = 0; tries < 100 && isAlive(grandchild); tries += 1) await new Promise((next) => setTimeout(next, 20))
    expect(isAlive(grandchild)).toBe(false)
  })

  it('is killed at once when the signal fired before', async () => {
    const child = shell('sleep 60', { signal: AbortSignal.abort(), env: { PATH: '/usr/bin:/bin' } })
    child.stdout.resume()
    expect((await child.exited).signal).toBe('SIGKILL')
  })

  it('says where a program is none', async () => {
    const child = spawnLimited({ program: '/nonexistent/program', args: [], cwd: '/', env: {} })
    child.stdout.resume()
    expect((await child.exited).code).toBe(127)
    const nowhere = spawnLimited({ program: '/bin/true', args: [], cwd: '/nonexistent', env: {} })
    await expect(nowhere.exited).rejects.toThrow('ENOENT')
  })
})

/** A zombie that nobody reaps in this container counts as dead. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  return !isZombie(pid)
}

function isZombie(pid: number): boolean {
  const { readFileSync } = process.getBuiltinModule('node:fs')
  try {
    return /\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return true
  }
}
