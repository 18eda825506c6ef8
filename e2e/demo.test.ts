import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from '@jest/globals'

interface Run {
  readonly code: number
  readonly output: string
  readonly told: string
}

async function runDemo(...args: readonly string[]): Promise<Run> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', path.join(import.meta.dirname, 'demo.ts'), ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
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

  it('says how it is used', async () => {
    expect(await runDemo('--wrong')).toMatchObject({ code: 2, output: '', told: expect.stringContaining('usage: npm run demo') })
  })
})
