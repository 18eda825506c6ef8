import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'

const main = join(import.meta.dirname, 'main.ts')
const start = (args: readonly string[]): ReturnType<typeof spawn> =>
  spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'], HOME: '/nowhere' } })

describe('the program', () => {
  it.each([
    [['--version'], 0],
    [[], 2],
    [['get'], 3],
    [['up', '--kubeconfig', '/nowhere/config'], 3],
  ])('%j ends with %d', async (args, code) => expect(await once(start(args), 'close')).toEqual([code, null]))

  it('prints JSON and nothing else through npm, as README.md says it', () => {
    const ran = spawnSync('npm', ['run', '--silent', 'weir', '--', 'version', '-o', 'json'], { cwd: join(import.meta.dirname, '../../..'), encoding: 'utf8' })
    expect(ran).toMatchObject({ status: 0, stderr: '' })
    expect(JSON.parse(ran.stdout)).toHaveProperty('weir')
  })

  it('ends quietly when nobody reads on, as `head` does', async () => {
    const child = start(['--help'])
    const complaints: string[] = []
    child.stderr?.setEncoding('utf8').on('data', (text: string) => complaints.push(text))
    child.stdout?.destroy()
    expect(await once(child, 'close')).toEqual([0, null])
    expect(complaints).toEqual([])
  })
})
