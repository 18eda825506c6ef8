import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from '@jest/globals'
import { findProcesses } from './aftermath.ts'

interface Run {
  readonly code: number
  readonly output: string
  readonly told: string
}

const nodeFlags = ['--disable-warning=ExperimentalWarning', path.join(import.meta.dirname, 'demo.ts')]

async function runDemo(...args: readonly string[]): Promise<Run> {
  const child = spawn(process.execPath, [...nodeFlags, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const [output, told, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  return { code: Number(code), output, told }
}

describe('the demo', () => {
  it('goes the whole way and ends with one JSON line', async () => {
    const { code, output, told } = await runDemo('--once', '--json')
    const lines = output.trimEnd().split('\n')
    expect({ code, lines: lines.length, told: code === 0 ? '' : told }).toEqual({ code: 0, lines: 1, told: '' })
    const figures = JSON.parse(lines[0] ?? '') as Readonly<Record<string, unknown>>
    expect(Object.keys(figures)).toEqual(['ok', 'firstMs', 'commitMs', 'driftMs', 'pruneMs', 'refusedMessage', 'fixMs'])
    expect(figures['ok']).toBe(true)
    expect(figures['refusedMessage']).toMatch(/apps\/production\/kustomization\.yaml.*prices\.yaml/)
    expect(told).toContain('the cluster still runs the last good revision')
  })

  it.each([
    ['SIGINT', 130, 'starting etcd'],
    ['SIGHUP', 129, '2. A commit'],
  ] as const)('%s ends it in order with %d, and leaves nothing, also at "%s"', async (signal, code, moment) => {
    const home = await mkdtemp(path.join(tmpdir(), 'weir-demo-'))
    try {
      const child = spawn(process.execPath, [...nodeFlags, '--once', '--json'], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, TMPDIR: home } })
      const output = text(child.stdout)
      const state = { told: '' }
      child.stderr.on('data', (chunk: Buffer) => {
        const before = state.told
        state.told += chunk.toString()
        if (!before.includes(moment) && state.told.includes(moment)) child.kill(signal)
      })
      expect(await once(child, 'exit')).toEqual([code, null])
      expect(JSON.parse(await output)).toEqual({ ok: false, error: `stopped by ${signal}` })
      expect(await findProcesses(home)).toEqual([])
      expect(await readdir(home)).toEqual([])
    } finally {
      await rm(home, { recursive: true, force: true })
    }
  })

  it('says how it is used', async () => {
    expect(await runDemo('--wrong')).toMatchObject({ code: 2, output: '', told: expect.stringContaining('usage: npm run demo') })
  })
})
